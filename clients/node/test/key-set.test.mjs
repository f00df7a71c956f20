// Published key sets: what is skipped, and what spoils the set.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exportJWK, generateKeyPair } from "jose";
import limits from "../src/limits.js";
import { parseKeySet } from "../src/key-set.js";
import { signingKey } from "./support/fake-issuer.mjs";

const { jwk } = await signingKey("good");
const rsa = (await signingKey("rsa", "RS256")).jwk;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

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
test("a key whose numbers are not in their one spelling is refused", async () => {
  const withTrailingBit = (text) => text.slice(0, -1) + ALPHABET[ALPHABET.indexOf(text.at(-1)) | 1];
  const withZero = (text) => Buffer.concat([Buffer.of(0), Buffer.from(text, "base64url")]).toString("base64url");
  // The bytes 255, 254 and 253 differ between the alphabets: __79 and //79.
  const inOtherAlphabet = (text) => `//79${text.slice(4)}`;
  const spellings = [
    (text) => `${text}=`,
    (text) => `${text}\n`,
    (text) => ` ${text}`,
    withZero,
    inOtherAlphabet,
    () => "",
  ];
  const ed25519 = (await signingKey("ed", "EdDSA")).jwk;
  for (const spell of [...spellings, withTrailingBit]) {
    for (const name of ["x", "y"]) await assert.rejects(known({ ...jwk, [name]: spell(jwk[name]) }), /malformed/);
    await assert.rejects(known({ ...ed25519, x: spell(ed25519.x) }), /malformed/);
  }
  for (const spell of spellings) {
    for (const name of ["n", "e"]) await assert.rejects(known({ ...rsa, [name]: spell(rsa[name]) }), /malformed/);
  }
});

// C6
test("an RSA exponent of 1, or an even one, is refused", async () => {
  for (const e of ["AQ", "Ag", "AQAA"]) await assert.rejects(known({ ...rsa, e }), /malformed e/);
});

test("an RSA key that is too large is skipped", async () => {
  assert.deepEqual(
    await algorithms({ ...rsa, kid: "large", n: Buffer.alloc(1_025, 0xff).toString("base64url") }, rsa),
    ["rsa RS256"],
  );
});

test("a member of another type than text spoils the set", async () => {
  const wrong = [
    ...["kty", "crv", "x", "y", "alg", "use", "kid"].map((name) => ({ ...jwk, [name]: 1 })),
    ...["kty", "crv", "x", "y"].map((name) => ({ ...jwk, [name]: undefined })),
    { ...jwk, kid: null },
    { ...jwk, key_ops: "verify" },
    { ...jwk, key_ops: [1, "verify"] },
  ];
  for (const key of wrong) await assert.rejects(known(key), /malformed/, JSON.stringify(key));
});

test("a kid is 1 to 64 visible ASCII characters", async () => {
  for (const kid of ["", "a b", "é", "a\n", "k".repeat(65)])
    await assert.rejects(known({ ...jwk, kid }), /malformed kid/);
  for (const kid of ["k", "k".repeat(64), "__proto__"])
    assert.deepEqual(await algorithms({ ...jwk, kid }), [`${kid} ES256`]);
});

// C6
test("a member that only a private key has spoils the set", async () => {
  for (const name of ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]) {
    await assert.rejects(known({ ...rsa, [name]: "AA" }), /private key/, name);
  }
});

test("Ed25519 is another name for EdDSA", async () => {
  const ed25519 = (await signingKey("ed", "EdDSA")).jwk;
  assert.deepEqual(await algorithms({ ...ed25519, alg: "Ed25519" }), ["ed EdDSA"]);
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
