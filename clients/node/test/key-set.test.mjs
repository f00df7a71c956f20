// Published key sets: which keys are used, which are ignored, and which sets are rejected.
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

const { jwk } = await signingKey("valid");
const rsa = (await signingKey("rsa", "RS256")).jwk;
const ed25519 = (await signingKey("ed", "EdDSA")).jwk;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The usable keys of a set, as `kid alg`. */
const usable = (set) =>
  [...parseKeySet(set, limits)].flatMap(([kid, keys]) => keys.map(({ alg }) => `${kid} ${alg}`));

/** Asserts that a key is ignored for a reason, and that a valid key in the same set stays usable. */
function assertIgnored(key, reason) {
  const name = JSON.stringify(key);
  assert.deepEqual(usable({ keys: [key, { ...jwk, kid: "next" }] }), ["next ES256"], name);
  assert.throws(() => usable({ keys: [key] }), { message: `the key set has no usable key: ${reason}` }, name);
}

test("the vectors are up to date with their generator", () =>
  assert.ok(text === keySetDocument(), "run generate.mjs"));

// C6
for (const { name, jwks, usable: expected } of JSON.parse(text).vectors) {
  test(`shared key sets: ${name}`, () => {
    if (expected === null) assert.throws(() => usable(jwks), /^Error: the key set has/);
    else assert.deepEqual(usable(jwks), expected);
  });
}

test("ignores keys for another purpose or algorithm", async () => {
  const p384 = await exportJWK((await generateKeyPair("ES384", { extractable: true })).publicKey);
  assertIgnored({ ...jwk, use: "enc" }, "a key has an unsupported use");
  assertIgnored({ ...jwk, key_ops: ["sign"] }, "a key has an unsupported key_ops");
  assertIgnored({ ...jwk, alg: "ES384" }, "a key has an unsupported alg");
  assertIgnored({ ...p384, kid: "p384" }, "a key has an unsupported crv");
  assertIgnored({ kty: "oct", k: "AAAA", kid: "secret", alg: "HS256" }, "a key has an unsupported kty");
});

// C6
test("ignores an RSA key that is too short or too long", async () => {
  const { generateKeyPairSync } = await import("node:crypto");
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
  assertIgnored({ ...short, kid: "short", alg: "RS256" }, "a key has an unsupported n");
  assertIgnored({ ...rsa, n: Buffer.alloc(1_025, 0xff).toString("base64url") }, "a key has an unsupported n");
});

// C6
test("ignores a key whose numbers are not canonical", () => {
  const withTrailingBit = (number) => number.slice(0, -1) + ALPHABET[ALPHABET.indexOf(number.at(-1)) | 1];
  const withZero = (number) => Buffer.concat([Buffer.of(0), Buffer.from(number, "base64url")]).toString("base64url");
  // The bytes 255, 254 and 253 differ between the alphabets: __79 and //79.
  const inOtherAlphabet = (number) => `//79${number.slice(4)}`;
  const encodings = [
    (number) => `${number}=`,
    (number) => `${number}\n`,
    (number) => ` ${number}`,
    withZero,
    inOtherAlphabet,
    () => "",
  ];
  for (const encode of [...encodings, withTrailingBit]) {
    for (const name of ["x", "y"]) assertIgnored({ ...jwk, [name]: encode(jwk[name]) }, `a key has a malformed ${name}`);
    assertIgnored({ ...ed25519, x: encode(ed25519.x) }, "a key has a malformed x");
  }
  for (const encode of encodings) {
    for (const name of ["n", "e"]) assertIgnored({ ...rsa, [name]: encode(rsa[name]) }, `a key has a malformed ${name}`);
  }
});

// C6
test("ignores an RSA key with the exponent 1 or an even one", () => {
  for (const e of ["AQ", "Ag", "AQAA"]) assertIgnored({ ...rsa, e }, "a key has a malformed e");
});

test("a member that is not a string is malformed and never counts as absent", () => {
  for (const name of ["kty", "crv", "x", "y", "alg", "use", "kid"]) {
    for (const value of [1, null, ["x"], {}]) assertIgnored({ ...jwk, [name]: value }, `a key has a malformed ${name}`);
  }
  for (const name of ["kty", "crv", "x", "y"]) assertIgnored({ ...jwk, [name]: undefined }, `a key has a malformed ${name}`);
  for (const operations of ["verify", [1, "verify"]]) {
    assertIgnored({ ...jwk, key_ops: operations }, "a key has a malformed key_ops");
  }
});

test("a kid is 1 to 64 visible ASCII characters", () => {
  for (const kid of ["", "a b", "é", "a\n", "k".repeat(65)]) assertIgnored({ ...jwk, kid }, "a key has a malformed kid");
  for (const kid of ["k", "k".repeat(64), "__proto__"]) {
    assert.deepEqual(usable({ keys: [{ ...jwk, kid }] }), [`${kid} ES256`]);
  }
});

// C6
test("ignores a key with private members", () => {
  for (const name of ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]) {
    assertIgnored({ ...rsa, [name]: "AA" }, "a key has private members");
  }
});

test("the error for a set without usable keys names each reason once and quotes no value", () => {
  const keys = [null, { ...jwk, use: "canary" }, { ...jwk, use: "canary" }, { ...jwk, d: "canary" }];
  const reason = "a key has a malformed kty, a key has an unsupported use, a key has private members";
  assert.throws(() => usable({ keys }), { message: `the key set has no usable key: ${reason}` });
});

test("accepts a hundred keys", () => {
  const keys = Array.from({ length: limits.keySetKeys }, (_, at) => ({ ...jwk, kid: `${at}` }));
  assert.equal(usable({ keys }).length, limits.keySetKeys);
});
