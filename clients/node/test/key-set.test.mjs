// Published key sets: which keys are used, which are ignored, and which sets are refused.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { exportJWK, generateKeyPair } from "jose";
import { parseKeySet } from "../src/key-set.js";
import limits from "../src/limits.js";
import { keySetDocument } from "../../../tests/vectors/generate.mjs";
import { signingKey } from "./support/fake-issuer.mjs";

const FILE = new URL("../../../tests/vectors/key-sets.json", import.meta.url);
const text = readFileSync(FILE, "utf8");

const { jwk } = await signingKey("good");
const rsa = (await signingKey("rsa", "RS256")).jwk;
const ed25519 = (await signingKey("ed", "EdDSA")).jwk;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The usable keys of a set, as `kid alg`. */
const usable = (set) =>
  [...parseKeySet(set, limits)].flatMap(([kid, keys]) => keys.map(({ alg }) => `${kid} ${alg}`));

/** Asserts that a key is ignored for a reason, and that a good one next to it stays usable. */
function ignores(key, reason) {
  const name = JSON.stringify(key);
  assert.deepEqual(usable({ keys: [key, { ...jwk, kid: "next" }] }), ["next ES256"], name);
  assert.throws(() => usable({ keys: [key] }), { message: `the key set has no usable key: ${reason}` }, name);
}

test("the vectors are the ones that the generator writes", () =>
  assert.ok(text === keySetDocument(), "run generate.mjs"));

// C6
for (const { name, jwks, usable: expected } of JSON.parse(text).vectors) {
  test(`the shared key sets: ${name}`, () => {
    if (expected === null) assert.throws(() => usable(jwks), /^Error: the key set has/);
    else assert.deepEqual(usable(jwks), expected);
  });
}

test("keys for something else are ignored", async () => {
  const p384 = await exportJWK((await generateKeyPair("ES384", { extractable: true })).publicKey);
  ignores({ ...jwk, use: "enc" }, "a key has an unsupported use");
  ignores({ ...jwk, key_ops: ["sign"] }, "a key has an unsupported key_ops");
  ignores({ ...jwk, alg: "ES384" }, "a key has an unsupported alg");
  ignores({ ...p384, kid: "p384" }, "a key has an unsupported crv");
  ignores({ kty: "oct", k: "AAAA", kid: "secret", alg: "HS256" }, "a key has an unsupported kty");
});

// C6
test("an RSA key that is too short or too large is ignored", async () => {
  const { generateKeyPairSync } = await import("node:crypto");
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
  ignores({ ...short, kid: "short", alg: "RS256" }, "a key has an unsupported n");
  ignores({ ...rsa, n: Buffer.alloc(1_025, 0xff).toString("base64url") }, "a key has an unsupported n");
});

// C6
test("a key whose numbers are not in their one spelling is ignored", () => {
  const withTrailingBit = (number) => number.slice(0, -1) + ALPHABET[ALPHABET.indexOf(number.at(-1)) | 1];
  const withZero = (number) => Buffer.concat([Buffer.of(0), Buffer.from(number, "base64url")]).toString("base64url");
  // The bytes 255, 254 and 253 differ between the alphabets: __79 and //79.
  const inOtherAlphabet = (number) => `//79${number.slice(4)}`;
  const spellings = [
    (number) => `${number}=`,
    (number) => `${number}\n`,
    (number) => ` ${number}`,
    withZero,
    inOtherAlphabet,
    () => "",
  ];
  for (const spell of [...spellings, withTrailingBit]) {
    for (const name of ["x", "y"]) ignores({ ...jwk, [name]: spell(jwk[name]) }, `a key has a malformed ${name}`);
    ignores({ ...ed25519, x: spell(ed25519.x) }, "a key has a malformed x");
  }
  for (const spell of spellings) {
    for (const name of ["n", "e"]) ignores({ ...rsa, [name]: spell(rsa[name]) }, `a key has a malformed ${name}`);
  }
});

// C6
test("an RSA exponent of 1, or an even one, is ignored", () => {
  for (const e of ["AQ", "Ag", "AQAA"]) ignores({ ...rsa, e }, "a key has a malformed e");
});

test("a member of another type than text is malformed and never absent", () => {
  for (const name of ["kty", "crv", "x", "y", "alg", "use", "kid"]) {
    for (const value of [1, null, ["x"], {}]) ignores({ ...jwk, [name]: value }, `a key has a malformed ${name}`);
  }
  for (const name of ["kty", "crv", "x", "y"]) ignores({ ...jwk, [name]: undefined }, `a key has a malformed ${name}`);
  for (const operations of ["verify", [1, "verify"]]) {
    ignores({ ...jwk, key_ops: operations }, "a key has a malformed key_ops");
  }
});

test("a kid is 1 to 64 visible ASCII characters", () => {
  for (const kid of ["", "a b", "é", "a\n", "k".repeat(65)]) ignores({ ...jwk, kid }, "a key has a malformed kid");
  for (const kid of ["k", "k".repeat(64), "__proto__"]) {
    assert.deepEqual(usable({ keys: [{ ...jwk, kid }] }), [`${kid} ES256`]);
  }
});

// C6
test("a key with a member that only a private key has is ignored", () => {
  for (const name of ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]) {
    ignores({ ...rsa, [name]: "AA" }, "a private key is published");
  }
});

test("a set without a usable key says once why, and quotes no value", () => {
  const keys = [null, { ...jwk, use: "canary" }, { ...jwk, use: "canary" }, { ...jwk, d: "canary" }];
  const reason = "a key has a malformed kty, a key has an unsupported use, a private key is published";
  assert.throws(() => usable({ keys }), { message: `the key set has no usable key: ${reason}` });
});

test("a hundred keys fit", () => {
  const keys = Array.from({ length: limits.keySetKeys }, (_, at) => ({ ...jwk, kid: `${at}` }));
  assert.equal(usable({ keys }).length, limits.keySetKeys);
});
