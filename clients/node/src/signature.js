"use strict";
// Public keys and signatures (RFC 7518 §3, RFC 8037 §3.1). `node:crypto` does the arithmetic: it is built into Node, Bun
// and Deno, and `require` loads it in every module system.

const { constants, createPublicKey, verify } = require("node:crypto");
const { promisify } = require("node:util");

/** With a callback `verify` runs in the thread pool, so that a signature does not block the event loop. */
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

/** A key from the members of a public JWK. Throws when the members are not a key, such as a point off the curve. */
function importPublicKey(jwk) {
  return createPublicKey({ key: jwk, format: "jwk" });
}

/** Whether a signature is valid. A signature of the wrong length is invalid and never an error. */
async function isSignatureValid({ alg, publicKey }, signed, signature) {
  const { digest, options } = ALGORITHMS.get(alg);
  return verifyInBackground(digest, signed, { key: publicKey, ...options }, signature).catch(() => false);
}

module.exports = { importPublicKey, isSignatureValid };
