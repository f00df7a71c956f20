"use strict";
// A published set of public keys (RFC 7517 §5), each for exactly one algorithm.

const jose = require("./jose.js");

/** Types of keys by `kty` and `crv`: the algorithms that they can be for, the first one if `alg` is left out. */
const TYPES = {
  "EC P-256": { algorithms: ["ES256"], members: ["kty", "crv", "x", "y"] },
  "OKP Ed25519": { algorithms: ["EdDSA"], members: ["kty", "crv", "x"] },
  RSA: { algorithms: ["RS256", "PS256"], members: ["kty", "n", "e"] },
};

/** RFC 8725 §3.5. */
const SHORTEST_MODULUS = 2048;

/**
 * Parses a set into a map by `kid`. Keys for something else are skipped, as RFC 7517 §5 asks; a wrong one spoils
 * the set, because its publisher is broken or hostile.
 */
async function parseKeySet(set, limits) {
  if (!Array.isArray(set?.keys)) throw new Error("the issuer's key set is not a list of keys");
  if (set.keys.length > limits.keySetKeys) throw new Error(`the issuer publishes over ${limits.keySetKeys} keys`);
  const known = new Map();
  for (const jwk of set.keys) {
    const key = await parseKey(jwk);
    if (!key) continue;
    if (known.has(jwk.kid)) throw new Error("two of the issuer's keys have the same kid");
    known.set(jwk.kid, key);
  }
  return known;
}

async function parseKey(jwk) {
  const type = TYPES[jwk.crv === undefined ? jwk.kty : `${jwk.kty} ${jwk.crv}`];
  const alg = jwk.alg ?? type?.algorithms[0];
  const isForSigning = (jwk.use ?? "sig") === "sig" && (jwk.key_ops?.includes("verify") ?? true);
  if (typeof jwk.kid !== "string" || !type?.algorithms.includes(alg) || !isForSigning) return undefined;
  if (jwk.d !== undefined) throw new Error("the issuer publishes a private key");
  const { importJWK } = await jose;
  const publicKey = await importJWK(Object.fromEntries(type.members.map((name) => [name, jwk[name]])), alg);
  const { modulusLength = SHORTEST_MODULUS } = publicKey.algorithm;
  return modulusLength >= SHORTEST_MODULUS ? { alg, publicKey } : undefined;
}

module.exports = { parseKeySet };
