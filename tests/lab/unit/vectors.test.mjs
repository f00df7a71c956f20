// Runs the token vectors, which all verifiers in this repository share, through the checks of the lab's inspector.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { checksOf, decode, readKeys, verify } from "./support/lab.mjs";

const FILE = new URL("../../vectors/access-tokens.json", import.meta.url);
const { issuer, audience, now, jwks, vectors } = JSON.parse(readFileSync(FILE, "utf8"));
const { keys } = readKeys(JSON.stringify(jwks));

/** The inspector accepts a token if every check passes except the session check, which a token cannot answer. */
async function failedChecks(token) {
  const decoded = decode(token);
  const verification = await verify(decoded, keys);
  const checks = checksOf(decoded, { keys, verification, expected: { issuer, audience }, now });
  return checks.filter(({ name, state }) => name !== "Session" && state !== "pass");
}

for (const { name, token, accept, reason } of vectors) {
  test(`${name}: ${accept ? "accepted" : "refused"}`, async () => {
    const failed = await failedChecks(token);
    if (accept) assert.deepEqual(failed, []);
    else assert.ok(failed.some(({ state }) => state === "refuse"), reason);
  });
}
