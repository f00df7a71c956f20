"use strict";
// Parses a published set of public keys (RFC 7517 §5), each for exactly one algorithm. An unusable key is ignored, and the
// other keys stay usable. The Rust crate countersign-token ignores the same keys: both run tests/vectors/key-sets.json.

const { decodeBase64url } = require("./base64url.js");
const { importPublicKey } = require("./signature.js");

/**
 * Key types by `kty`: the curve, the possible algorithms, and the members that hold the numbers. A key without `alg` is for
 * the first algorithm. RFC 7518 §6.2.1.2: a coordinate has its full length in bytes.
 */
const TYPES = new Map([
  ["EC", { curve: "P-256", algorithms: ["ES256"], numbers: ["x", "y"], bytes: 32 }],
  ["OKP", { curve: "Ed25519", algorithms: ["EdDSA"], numbers: ["x"], bytes: 32 }],
  ["RSA", { algorithms: ["RS256", "PS256"], numbers: ["n", "e"] }],
]);

/** Members that only a private key has (RFC 7518 §6.2.2, §6.3.2). */
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const KEY_ID = /^[\x21-\x7e]{1,64}$/;

/** Bits. RFC 8725 §3.5 requires the minimum. A modulus above the maximum only makes verification slower. */
const MODULUS_BITS = { min: 2048, max: 8192 };

/** Common exponents are 3 and 65537. A longer exponent only makes verification slower. */
const MAX_EXPONENT_BYTES = 4;

/**
 * Points of edwards25519 whose order divides 8, including those with an unreduced coordinate (RFC 8032 §5.1.3). In hexadecimal,
 * with the sign bit cleared. With such a key, one signature is valid for every message.
 */
const SMALL_ORDER = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

/**
 * Parses a set into lists of keys by `kid`, in the order of publication. Keys may share a `kid`. Duplicate keys count once.
 * Throws if the set is malformed, has too many keys, or has no usable key.
 */
function parseKeySet(set, limits) {
  const listed = set?.keys;
  if (!Array.isArray(listed)) throw new Error("the key set has no `keys` array");
  if (listed.length > limits.keySetKeys) throw new Error(`the key set has more than ${limits.keySetKeys} keys`);
  const known = new Map();
  const reasons = new Set();
  for (const jwk of listed) {
    try {
      const { kid, ...key } = parseKey(jwk);
      const others = known.get(kid) ?? [];
      const sameAlgorithm = others.filter(({ alg }) => alg === key.alg);
      const isDuplicate = sameAlgorithm.some((other) => isSame(other, key));
      // A token is checked with each key of its kid and algorithm, so this limit bounds the cost of a forged token.
      if (sameAlgorithm.length < limits.keysPerKid && !isDuplicate) known.set(kid, [...others, key]);
    } catch ({ message }) {
      reasons.add(message);
    }
  }
  if (known.size > 0) return known;
  throw new Error(`the key set has no usable key: ${[...reasons].join(", ") || "it is empty"}`);
}

function isSame(one, other) {
  return one.alg === other.alg && one.publicKey.equals(other.publicKey);
}

/** Throws if a key is unusable. No message quotes a value. */
function parseKey(jwk) {
  const kty = stringOf(jwk, "kty") ?? malformed("kty");
  const type = TYPES.get(kty) ?? unsupported("kty");
  if (PRIVATE.some((name) => jwk[name] !== undefined)) throw new Error("a key has private members");
  checkPurpose(jwk);
  const kid = stringOf(jwk, "kid") ?? malformed("kid");
  if (!KEY_ID.test(kid)) malformed("kid");
  const curve = type.curve && (stringOf(jwk, "crv") ?? malformed("crv"));
  if (curve !== type.curve) unsupported("crv");
  const alg = algorithmOf(jwk, type);
  const numbers = Object.fromEntries(type.numbers.map((name) => [name, numberOf(jwk, name, type)]));
  checkMaterial(type, numbers);
  return { kid, alg, publicKey: importPublicKey({ kty, crv: curve, ...numbers }) };
}

/** `use` and `key_ops`, if present, must allow verifying signatures (RFC 7517 §4.2 and §4.3). */
function checkPurpose(jwk) {
  if ((stringOf(jwk, "use") ?? "sig") !== "sig") unsupported("use");
  const { key_ops: operations = ["verify"] } = jwk;
  if (!Array.isArray(operations) || !operations.every((one) => typeof one === "string")) malformed("key_ops");
  if (!operations.includes("verify")) unsupported("key_ops");
}

/** RFC 9864 §2.2 also names EdDSA on this curve `Ed25519`. */
function algorithmOf(jwk, { algorithms }) {
  const named = stringOf(jwk, "alg") ?? algorithms[0];
  const alg = named === "Ed25519" ? "EdDSA" : named;
  return algorithms.includes(alg) ? alg : unsupported("alg");
}

/** Returns a number in base64url. It must be canonical, or one key would have several encodings. */
function numberOf(jwk, name, { bytes }) {
  const text = stringOf(jwk, name) ?? malformed(name);
  const number = decodeBase64url(text) ?? malformed(name);
  if (bytes === undefined ? !isRsaNumber(number) : number.length !== bytes) malformed(name);
  return text;
}

/** A modulus or exponent is odd, has no leading zero byte (RFC 7518 §2), and is not 1. */
function isRsaNumber(number) {
  return number.length > 0 && number[0] !== 0 && number.at(-1) % 2 === 1 && !(number.length === 1 && number[0] === 1);
}

function checkMaterial({ curve }, { n, e, x }) {
  if (n !== undefined) checkSize(decodeBase64url(n), decodeBase64url(e));
  if (curve === "Ed25519" && isOfSmallOrder(decodeBase64url(x))) malformed("x");
}

function checkSize(modulus, exponent) {
  const bits = modulus.length * 8 - (Math.clz32(modulus[0]) - 24);
  if (bits < MODULUS_BITS.min || bits > MODULUS_BITS.max) unsupported("n");
  if (exponent.length > MAX_EXPONENT_BYTES) unsupported("e");
}

function isOfSmallOrder(point) {
  point[31] &= 0x7f;
  return SMALL_ORDER.includes(point.toString("hex"));
}

/** A member that is not a string is an error. It never counts as absent. */
function stringOf(jwk, name) {
  const value = jwk?.[name];
  return value === undefined || typeof value === "string" ? value : malformed(name);
}

function malformed(name) {
  throw new Error(`a key has a malformed ${name}`);
}

function unsupported(name) {
  throw new Error(`a key has an unsupported ${name}`);
}

module.exports = { parseKeySet };
