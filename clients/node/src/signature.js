"use strict";
// Imports public keys and verifies signatures (RFC 7518 §3, RFC 8037 §3.1) with `node:crypto`. Node, Bun and Deno include it,
// and `require` can load it in every module system.

const { constants, createPublicKey, verify } = require("node:crypto");
const { promisify } = require("node:util");

/** With a callback, `verify` runs in the thread pool and does not block the event loop. */
const verifyInBackground = promisify(verify);

/**
 * What `node:crypto` needs to know about each algorithm. RFC 7518 §3.4: an ECDSA signature is R and S with 32 bytes
 * each. RFC 7518 §3.5: the salt of PS256 is as long as the digest. Ed25519 has no separate digest.
 */
const ALGORITHMS = new Map([
  ["ES256", { digest: "sha256", options: { dsaEncoding: "ieee-p1363" } }],
  ["RS256", { digest: "sha256", options: { padding: constants.RSA_PKCS1_PADDING } }],
  ["PS256", { digest: "sha256", options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } }],
  ["EdDSA", { digest: null, options: {} }],
]);

/** Imports a public JWK. Throws if its members are not a key, for example if the point is not on the curve. */
function importPublicKey(jwk) {
  return createPublicKey({ key: jwk, format: "jwk" });
}

/** Whether a signature is valid. A signature of the wrong length is invalid and does not throw. */
async function isSignatureValid({ alg, publicKey }, signed, signature) {
  const { digest, options } = ALGORITHMS.get(alg);
  return verifyInBackground(digest, signed, { key: publicKey, ...options }, signature).catch(() => false);
}

module.exports = { importPublicKey, isSignatureValid };
