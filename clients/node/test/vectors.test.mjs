// Runs the token vectors that all verifiers in this repository share, through a guard as an API uses it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Guard } from "../src/guard.js";
import { document } from "../../../tests/vectors/generate.mjs";
import { fastRuntime } from "./support/api.mjs";
import { FakeIssuer } from "./support/fake-issuer.mjs";

const FILE = new URL("../../../tests/vectors/access-tokens.json", import.meta.url);
const text = readFileSync(FILE, "utf8");
const { issuer, audience, now, jwks, vectors } = JSON.parse(text);

test("the vectors are up to date with their generator", () => assert.ok(text === document(), "run generate.mjs"));

describe("the shared token vectors", () => {
  let server;
  let guard;
  before(async () => {
    server = await FakeIssuer.start();
    server.keysHandler = (_, response) => response.end(JSON.stringify(jwks));
    const options = { issuer, audience, server: server.url, dangerouslyIgnoreRevocations: true };
    guard = new Guard(options, { ...fastRuntime(), now: () => now });
    await guard.ready();
  });
  after(async () => {
    guard.close();
    await server.stop();
  });

  for (const { name, token, accept, reason } of vectors) {
    test(`${name}: ${accept ? "accepted" : "rejected"}`, async () => {
      const verified = guard.verify(token);
      if (accept) await verified;
      else await assert.rejects(verified, { name: "Refusal", status: 401 }, reason);
    });
  }
});
