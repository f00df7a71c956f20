// What the names in a token mean, in a sentence each (RFC 7515 §4.1, RFC 7519 §4.1, RFC 9068 §2.2).

const ALGORITHMS = new Map([
  [
    "ES256",
    "How it is signed: ECDSA on the curve P-256. Only the server holds the private key; anybody can verify with the public one.",
  ],
  ["ES384", "How it is signed: ECDSA on the curve P-384."],
  ["RS256", "How it is signed: RSA with SHA-256, which the oldest libraries can verify as well."],
  ["PS256", "How it is signed: RSA-PSS with SHA-256."],
  ["EdDSA", "How it is signed: Ed25519."],
  ["Ed25519", "How it is signed: Ed25519."],
  ["HS256", "How it is signed: HMAC with a shared secret, so whoever can verify such a token can also forge one."],
  ["none", "Not signed at all: anybody can have written it, and no API may accept it."],
]);

const HEADERS = new Map([
  ["alg", "How it is said to be signed. A verifier only compares this with its key’s own algorithm."],
  ["typ", "What kind of token it is. This server’s APIs take at+jwt, an access token, and nothing else."],
  ["kid", "The name of the key that signed it, to be looked up in the published set."],
  ["cty", "What kind of content is inside."],
  ["crit", "Extensions that a verifier has to understand, or else refuse."],
  ["b64", "An extension under which the middle part is not base64url. It is refused."],
  ["zip", "How the content is compressed. Compressed tokens are refused."],
  ["enc", "How the content is encrypted. Encrypted tokens are refused."],
  ["jwk", "A key that comes with the token. Anybody can put theirs there, so it is ignored."],
  ["jku", "An address to fetch keys from. Anybody can name theirs, so it is ignored."],
  ["x5c", "Certificates that come with the token. They are ignored, as every key inside a token is."],
  ["x5u", "An address to fetch certificates from. It is ignored, as every key inside a token is."],
  ["x5t", "The fingerprint of a certificate. It is ignored."],
]);

const CLAIMS = new Map([
  [
    "iss",
    "Issuer: the server that made it. An API accepts tokens of the issuers that it knows, compared to the letter.",
  ],
  ["sub", "Subject: the user, by an id that never changes."],
  ["aud", "Audience: the API that it is for. Every other one refuses it."],
  ["exp", "Expires: from this moment on it is refused."],
  ["iat", "Issued at: when it was made."],
  ["nbf", "Not before: it is refused until this moment."],
  ["jti", "The token’s own id, never used twice."],
  ["client_id", "The app that the user signed in to."],
  ["scope", "What the app may do with it."],
  ["sid", "The session that it belongs to. Once that is ended, no new token comes from it."],
  ["id", "This user’s number, for the apps that want one."],
  ["username", "The user’s name, for people to read. It may change; sub does not."],
  ["name", "The user’s full name."],
  ["email", "The user’s e-mail address."],
  ["roles", "The roles that the user has."],
  ["groups", "The groups that the user belongs to."],
  ["auth_time", "When the user last proved who they are. A refresh does not change it."],
  ["acr", "How well the user proved who they are."],
  ["amr", "In which ways the user proved who they are."],
  ["cnf", "A key that whoever presents the token has to hold, too. A thief who has the token alone cannot use it."],
  ["act", "Who acts for the user."],
  ["azp", "The app that it was issued to."],
  ["nonce", "A value that the app chose, to recognise its own sign-in by."],
  ["revocations", "The sessions that were ended: this is a piece of the server’s list of revocations."],
  ["cursor", "Where in the list of revocations this piece ends."],
]);

/** The claims that are moments, in seconds since 1970. */
export const MOMENTS = new Set(["exp", "iat", "nbf", "auth_time"]);

/** Null for a name that no standard and not this server gives a meaning to. */
export const headerSentence = (name, value) => (name === "alg" && ALGORITHMS.get(value)) || (HEADERS.get(name) ?? null);
export const claimSentence = (name) => CLAIMS.get(name) ?? null;

/** The value as it stands in the token, and a moment also as a time of day. */
export function valueText(name, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const time = MOMENTS.has(name) && typeof value === "number" ? timeOfDay(value * 1_000) : null;
  return time ? `${text} · ${time}` : text;
}

/** Local time to the second; null for what is no time. */
export function timeOfDay(milliseconds) {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toLocaleTimeString([], { hour12: false });
}
