// The signature algorithms, by the names of RFC 7518 §3.1 and RFC 8037 §3.1, and how WebCrypto calls them.
// "none" is not among them, so no code can select it.

const ecdsa = (namedCurve, hash, bytes) => ({
  importAs: { name: "ECDSA", namedCurve },
  useAs: { name: "ECDSA", hash },
  /** The length of a signature. */
  bytes,
});
const rsa = (name) => ({ importAs: { name, hash: "SHA-256" }, useAs: { name, saltLength: 32 } });

const ALGORITHMS = new Map([
  ["ES256", ecdsa("P-256", "SHA-256", 64)],
  ["ES384", ecdsa("P-384", "SHA-384", 96)],
  ["RS256", rsa("RSASSA-PKCS1-v1_5")],
  ["PS256", rsa("RSA-PSS")],
  ["EdDSA", { importAs: { name: "Ed25519" }, useAs: { name: "Ed25519" }, bytes: 64 }],
  ["HS256", { importAs: { name: "HMAC", hash: "SHA-256" }, useAs: { name: "HMAC" }, bytes: 32 }],
]);

export const algorithm = (name) => ALGORITHMS.get(name);

/** RFC 9864 §2.2 names EdDSA on this curve after the curve. */
export const plainName = (name) => (name === "Ed25519" ? "EdDSA" : name);

/** The algorithms for keys of a type and curve. The first is the default if the key has no `alg`. */
export function algorithmsOf({ kty, crv }) {
  if (kty === "RSA") return ["RS256", "PS256"];
  if (kty === "oct") return ["HS256"];
  const curve = { "EC P-256": "ES256", "EC P-384": "ES384", "OKP Ed25519": "EdDSA" }[`${kty} ${crv}`];
  return curve ? [curve] : [];
}
