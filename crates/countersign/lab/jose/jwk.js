// One JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2): what it verifies, or why it is of no use here.
import { algorithmsOf, plainName } from "./algorithms.js";
import { decodeBase64url } from "./base64url.js";

/** RFC 7518 §3.2: an HMAC key is at least as long as the hash. */
const SHORTEST_SECRET = 32;
/** Bits of an RSA modulus: fewer are too weak (RFC 7518 §3.3), more only slow verifiers down. */
const RSA_BITS = { least: 2_048, most: 8_192 };
/** Members that only a private key has (RFC 7518 §6.2.2 and §6.3.2). The `k` of an `oct` key has to be there. */
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth"];
/** What a key consists of, by its type. */
const MEMBERS = new Map([
  ["EC", ["x", "y"]],
  ["OKP", ["x"]],
  ["RSA", ["n", "e"]],
  ["oct", ["k"]],
]);

/** `{ key, problem }`: one of them, or both for a key that can be used and should not be. `name` begins sentences. */
export function readJwk(jwk, source, name) {
  const wrong = whyOfNoUse(jwk);
  if (wrong) return { problem: problem(wrong, name) };
  const { kty, crv, kid, alg } = jwk;
  const algs = alg === undefined ? algorithmsOf(jwk) : [plainName(alg)];
  const members = Object.fromEntries(MEMBERS.get(kty).map((member) => [member, jwk[member]]));
  const key = { kid, alg: algs[0], algs, kty, crv, jwk: { kty, crv, ...members }, source };
  return isGuessable(jwk) ? { key, problem: problem("guessable", name) } : { key };
}

/** A code of `SENTENCES`, or null. */
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
  "no-key": "is no JWK: it has no kty, which says what kind of key it is.",
  "private-key":
    "is a private key, so it was not kept. The same JWK without d, p, q, dp, dq and qi is enough to verify. If it is in " +
    "use and others may have seen it, replace it.",
  "unsupported": "is of a kind that is not used here. Known are EC on P-256 and P-384, RSA, OKP on Ed25519, and oct.",
  "kid": "has a name (kid) that is not text.",
  "use": "is not for signatures: its use is not sig.",
  "key_ops": "is not for verifying: its key_ops do not list verify.",
  "alg": "has an alg that is not used here, or that does not fit its kind.",
  "damaged": "lacks a part, or has one that is not proper base64url.",
  "weak": `is an RSA key of less than ${RSA_BITS.least} bits, from which others can compute the private key. Verifiers refuse it.`,
  "too-large": `is an RSA key of more than ${RSA_BITS.most} bits. Verifiers refuse it, because it only costs time.`,
  "guessable": `is a secret of less than ${SHORTEST_SECRET} bytes. It is used here, but others can find it by trying.`,
};
