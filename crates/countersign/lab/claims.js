// One sentence about the meaning of each header parameter and claim (RFC 7515 §4.1, RFC 7519 §4.1, RFC 9068 §2.2).

const ALGORITHMS = new Map([
  [
    "ES256",
    "The signature algorithm: ECDSA on the curve P-256. Only the server has the private key; anyone can verify with the public key.",
  ],
  ["ES384", "The signature algorithm: ECDSA on the curve P-384."],
  ["RS256", "The signature algorithm: RSA with SHA-256, which even old libraries can verify."],
  ["PS256", "The signature algorithm: RSA-PSS with SHA-256."],
  ["EdDSA", "The signature algorithm: Ed25519."],
  ["Ed25519", "The signature algorithm: Ed25519."],
  ["HS256", "The signature algorithm: HMAC with a shared secret. Every verifier of such a token can also forge one."],
  ["none", "Not signed: anyone can have written this token, and no API may accept it."],
]);

const HEADERS = new Map([
  ["alg", "The signature algorithm that the token claims. A verifier only compares it with the algorithm of its key."],
  ["typ", "The type of the token. This server’s APIs accept only at+jwt, an access token."],
  ["kid", "The ID of the key that signed the token. A verifier looks it up in the published key set."],
  ["cty", "The type of the content."],
  ["crit", "Extensions that a verifier must understand; otherwise it must reject the token."],
  ["b64", "An extension in which the payload is not base64url. Tokens with it are rejected."],
  ["zip", "How the content is compressed. Compressed tokens are rejected."],
  ["enc", "How the content is encrypted. Encrypted tokens are rejected."],
  ["jwk", "A key inside the token. It is ignored, because anyone can put their own key there."],
  ["jku", "A URL to fetch keys from. It is ignored, because anyone can put their own URL there."],
  ["x5c", "Certificates inside the token. They are ignored, like every key inside a token."],
  ["x5u", "A URL to fetch certificates from. It is ignored, like every key inside a token."],
  ["x5t", "The fingerprint of a certificate. It is ignored."],
]);

const CLAIMS = new Map([
  [
    "iss",
    "Issuer: the server that issued the token. An API accepts only issuers that it knows, compared character by character.",
  ],
  ["sub", "Subject: the user’s ID, which never changes."],
  ["aud", "Audience: the API that the token is for. Every other API rejects it."],
  ["exp", "Expiration time: APIs reject the token from this time on."],
  ["iat", "Issued at: when the token was issued."],
  ["nbf", "Not before: APIs reject the token until this time."],
  ["jti", "The token’s ID, unique for each token."],
  ["client_id", "The app that the user signed in to."],
  ["scope", "What the app may do with the token."],
  ["sid", "The session that the token belongs to. When the session is revoked or expires, the server issues no more tokens for it."],
  ["id", "The user’s number, for apps that need a numeric ID."],
  ["username", "The user’s name, for display. It may change; sub does not."],
  ["name", "The user’s full name."],
  ["email", "The user’s e-mail address."],
  ["roles", "The roles that the user has."],
  ["groups", "The groups that the user belongs to."],
  ["auth_time", "When the user last authenticated. A refresh does not change it."],
  ["acr", "Authentication context class: how strongly the user authenticated."],
  ["amr", "Authentication methods: how the user authenticated."],
  ["cnf", "Confirmation: a key that the client must also hold. A stolen token alone is useless."],
  ["act", "Actor: the party that acts for the user."],
  ["azp", "Authorized party: the app that the token was issued to."],
  ["nonce", "A random value that the app chose. It ties the token to one sign-in."],
  ["revocations", "The sessions that were revoked: this token is one page of the server’s revocation list."],
  ["cursor", "The position in the revocation list where this page ends."],
]);

/** The claims that are times, in seconds since 1970. */
export const MOMENTS = new Set(["exp", "iat", "nbf", "auth_time"]);

/** Null for a name that neither a standard nor this server defines. */
export const headerSentence = (name, value) => (name === "alg" && ALGORITHMS.get(value)) || (HEADERS.get(name) ?? null);
export const claimSentence = (name) => CLAIMS.get(name) ?? null;

/** The value as in the token; for a time, also the local time of day. */
export function valueText(name, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const time = MOMENTS.has(name) && typeof value === "number" ? timeOfDay(value * 1_000) : null;
  return time ? `${text} · ${time}` : text;
}

/** Local time to the second; null if `milliseconds` is not a valid time. */
export function timeOfDay(milliseconds) {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toLocaleTimeString([], { hour12: false });
}
