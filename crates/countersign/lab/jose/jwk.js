// Reads one JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2): which algorithms it verifies, or why it cannot be used.
import { algorithmsOf, plainName } from "./algorithms.js";
import { decodeBase64url } from "./base64url.js";

/** In bytes. RFC 7518 §3.2: an HMAC key must be at least as long as the hash. */
const SHORTEST_SECRET = 32;
/** Bits of an RSA modulus: a shorter one is too weak (RFC 7518 §3.3), a longer one only makes verification slow. */
const RSA_BITS = { least: 2_048, most: 8_192 };
/** Members that only a private key has (RFC 7518 §6.2.2 and §6.3.2). The `k` of an `oct` key is required, so it is not listed. */
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth"];
/** The required members of a key, by its type. */
const MEMBERS = new Map([
  ["EC", ["x", "y"]],
  ["OKP", ["x"]],
  ["RSA", ["n", "e"]],
  ["oct", ["k"]],
]);

/** Returns a key, a problem, or both for a key that is weak but usable. `name` is the subject of `problem.text`. */
export function readJwk(jwk, source, name) {
  const wrong = whyOfNoUse(jwk);
  if (wrong) return { problem: problem(wrong, name) };
  const { kty, crv, kid, alg } = jwk;
  const algs = alg === undefined ? algorithmsOf(jwk) : [plainName(alg)];
  const members = Object.fromEntries(MEMBERS.get(kty).map((member) => [member, jwk[member]]));
  const key = { kid, alg: algs[0], algs, kty, crv, jwk: { kty, crv, ...members }, source };
  return isGuessable(jwk) ? { key, problem: problem("guessable", name) } : { key };
}

/** Returns a code of `SENTENCES`, or null if the key can be used. */
function whyOfNoUse(jwk) {
  if (jwk === null || typeof jwk !== "object" || typeof jwk.kty !== "string") return "no-key";
  if (PRIVATE.some((member) => Object.hasOwn(jwk, member))) return "private-key";
  const possible = algorithmsOf(jwk);
  if (possible.length === 0) return "unsupported";
  if (jwk.kid !== undefined && typeof jwk.kid !== "string") return "kid";
  if (jwk.use !== undefined && jwk.use !== "sig") return "use";
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"))) return "key_ops";
  if (jwk.alg !== undefined && !possible.includes(plainName(jwk.alg))) return "alg";
  if (!MEMBERS.get(jwk.kty).every((member) => isNumber(jwk[member]))) return "damaged";
  if (jwk.kty !== "RSA") return null;
  const bits = bitsOf(decodeBase64url(jwk.n));
  if (bits < RSA_BITS.least) return "weak";
  return bits > RSA_BITS.most ? "too-large" : null;
}

const isNumber = (text) => typeof text === "string" && text !== "" && decodeBase64url(text) !== null;

const bitsOf = (number) => number.length * 8 + 24 - Math.clz32(number[0]);

const isGuessable = ({ kty, k }) => kty === "oct" && decodeBase64url(k).length < SHORTEST_SECRET;

const problem = (code, name) => ({ code, text: `${name} ${SENTENCES[code]}` });

const SENTENCES = {
  "no-key": "is not a JWK: it has no key type (kty).",
  "private-key":
    "is a private key, so it was discarded. To verify, paste the same JWK without d, p, q, dp, dq and qi. If the key is in " +
    "use and others may have seen it, replace it.",
  "unsupported": "is of an unsupported kind. Supported are EC on P-256 and P-384, RSA, OKP on Ed25519, and oct.",
  "kid": "has a key ID (kid) that is not a string.",
  "use": "is not for signatures: its use is not sig.",
  "key_ops": "is not for verification: its key_ops do not include verify.",
  "alg": "has an alg that is unsupported, or that does not match its type.",
  "damaged": "lacks a required member, or has one that is not valid base64url.",
  "weak": `is an RSA key of less than ${RSA_BITS.least} bits. Attackers can compute its private key, so verifiers reject it.`,
  "too-large": `is an RSA key of more than ${RSA_BITS.most} bits. Verifiers reject it, because verification would be slow.`,
  "guessable": `is a secret of less than ${SHORTEST_SECRET} bytes. This page uses it, but attackers can find such a secret by brute force.`,
};
