// Published key sets: what is skipped, and what spoils the set.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exportJWK, generateKeyPair } from "jose";
import limits from "../src/limits.js";
import { parseKeySet } from "../src/key-set.js";
import { signingKey } from "./support/fake-issuer.mjs";

const { jwk } = await signingKey("good");
const rsa = (await signingKey("rsa", "RS256")).jwk;

const known = async (...keys) => [...(await parseKeySet({ keys }, limits)).entries()];
const algorithms = async (...keys) => (await known(...keys)).map(([kid, { alg }]) => `${kid} ${alg}`);

test("a key is for exactly one algorithm, by default the first of its type", async () => {
  const ed25519 = (await signingKey("ed", "EdDSA")).jwk;
  const without = ({ alg, ...rest }) => rest;
  const all = [without(jwk), without(rsa), without(ed25519), { ...rsa, kid: "pss", alg: "PS256" }];
  assert.deepEqual(await algorithms(...all), ["good ES256", "rsa RS256", "ed EdDSA", "pss PS256"]);
});

test("keys for something else are skipped", async () => {
  const p384 = await exportJWK((await generateKeyPair("ES384", { extractable: true })).publicKey);
  const others = [
    { ...jwk, use: "enc" },
    { ...jwk, key_ops: ["sign"] },
    { ...jwk, alg: "ES384" },
    { ...jwk, alg: "HS256" },
    { ...jwk, kid: undefined },
    { ...jwk, kid: 1 },
    { ...p384, kid: "p384" },
    { kty: "oct", k: "AAAA", kid: "secret", alg: "HS256" },
    { kty: "new", kid: "new" },
  ];
  assert.deepEqual(await algorithms(...others, jwk), ["good ES256"]);
});

// C6
test("a short RSA key is skipped", async () => {
  const { generateKeyPairSync } = await import("node:crypto");
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
  assert.deepEqual(await algorithms({ ...short, kid: "short", alg: "RS256" }, rsa), ["rsa RS256"]);
});

// C6
test("a wrong key spoils the set", async () => {
  const offTheCurve = { ...jwk, kid: "off", y: jwk.x };
  const published = await generateKeyPair("ES256", { extractable: true });
  const secret = { ...(await exportJWK(published.privateKey)), kid: "private", alg: "ES256" };
  for (const wrong of [offTheCurve, secret, { ...jwk, kid: "short", x: "AA" }, jwk, null]) {
    await assert.rejects(known(jwk, wrong), JSON.stringify(wrong));
  }
});
