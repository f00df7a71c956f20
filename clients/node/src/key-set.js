"use strict";
// A published set of public keys (RFC 7517 §5), each for exactly one algorithm. The Rust crate countersign-token skips
// and refuses the same keys.

const { decodeBase64url } = require("./base64url.js");
const { importPublicKey } = require("./signature.js");

/**
 * Types of keys by `kty`: the curve, the algorithms that they can be for, the first one if `alg` is left out, and the
 * members that hold the numbers. RFC 7518 §6.2.1.2: a coordinate has its full length.
 */
const TYPES = new Map([
  ["EC", { curve: "P-256", algorithms: ["ES256"], numbers: ["x", "y"], bytes: 32 }],
  ["OKP", { curve: "Ed25519", algorithms: ["EdDSA"], numbers: ["x"], bytes: 32 }],
  ["RSA", { algorithms: ["RS256", "PS256"], numbers: ["n", "e"] }],
]);

/** Members that only a private key has (RFC 7518 §6.2.2, §6.3.2). */
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const KEY_ID = /^[\x21-\x7e]{1,64}$/;

/** Bits. RFC 8725 §3.5 requires the least; more than the most only slows verifiers down. */
const MODULUS = { least: 2048, most: 8192 };

/**
 * Parses a set into a map by `kid`. Keys for something else are skipped, as RFC 7517 §5 asks; a wrong one spoils
 * the set, because its publisher is broken or hostile.
 */
function parseKeySet(set, limits) {
  if (!Array.isArray(set?.keys)) throw new Error("the issuer's key set is not a list of keys");
  if (set.keys.length > limits.keySetKeys) throw new Error(`the issuer publishes over ${limits.keySetKeys} keys`);
  const known = new Map();
  for (const jwk of set.keys) {
    const key = parseKey(jwk);
    if (!key) continue;
    if (known.has(jwk.kid)) throw new Error("two of the issuer's keys have the same kid");
    known.set(jwk.kid, key);
  }
  return known;
}

/** `undefined` for a key that is to be skipped. */
function parseKey(jwk) {
  const type = TYPES.get(textOf(jwk, "kty") ?? fail("kty"));
  if (!type) return undefined;
  if (PRIVATE.some((name) => jwk[name] !== undefined)) throw new Error("the issuer publishes a private key");
  if (!isForVerifying(jwk)) return undefined;
  const kid = textOf(jwk, "kid");
  if (kid !== undefined && !KEY_ID.test(kid)) fail("kid");
  if (type.curve !== undefined && (textOf(jwk, "crv") ?? fail("crv")) !== type.curve) return undefined;
  const alg = algorithmOf(jwk, type);
  if (alg === undefined) return undefined;
  const numbers = type.numbers.map((name) => [name, numberOf(jwk, name, type)]);
  if (!isSizeAccepted(jwk) || kid === undefined) return undefined;
  return { alg, publicKey: importPublicKey({ kty: jwk.kty, crv: type.curve, ...Object.fromEntries(numbers) }) };
}

/** A key that says what it is for is used for nothing else (RFC 7517 §4.2 and §4.3). */
function isForVerifying(jwk) {
  if ((textOf(jwk, "use") ?? "sig") !== "sig") return false;
  const { key_ops: operations = ["verify"] } = jwk;
  if (!Array.isArray(operations) || !operations.every((one) => typeof one === "string")) fail("key_ops");
  return operations.includes("verify");
}

/** RFC 9864 §2.2 names EdDSA on this curve by the name of the curve. */
function algorithmOf(jwk, { algorithms }) {
  const named = textOf(jwk, "alg") ?? algorithms[0];
  const alg = named === "Ed25519" ? "EdDSA" : named;
  return algorithms.includes(alg) ? alg : undefined;
}

/** The text of a number, if it is canonical: another spelling would be a second text for the same key. */
function numberOf(jwk, name, { bytes }) {
  const text = textOf(jwk, name) ?? fail(name);
  const number = decodeBase64url(text) ?? fail(name);
  if (bytes === undefined ? !isRsaNumber(number) : number.length !== bytes) fail(name);
  return text;
}

/** A modulus and an exponent are odd, begin with a byte that is not zero (RFC 7518 §2), and are not 1. */
function isRsaNumber(number) {
  return number.length > 0 && number[0] !== 0 && number.at(-1) % 2 === 1 && !(number.length === 1 && number[0] === 1);
}

function isSizeAccepted({ kty, n }) {
  if (kty !== "RSA") return true;
  const modulus = decodeBase64url(n);
  const bits = modulus.length * 8 - (Math.clz32(modulus[0]) - 24);
  return bits >= MODULUS.least && bits <= MODULUS.most;
}

/** A member of another type than text is an error and never counts as absent. */
function textOf(jwk, name) {
  const value = jwk?.[name];
  return value === undefined || typeof value === "string" ? value : fail(name);
}

function fail(name) {
  throw new Error(`a key of the issuer has a malformed ${name}`);
}

module.exports = { parseKeySet };
