// Reads the keys that somebody pastes: a JWK, a JWK Set (RFC 7517), or a public key in PEM. What is secret without need,
// or is no key, is named and not kept.
import { algorithmsOf, plainName } from "./algorithms.js";
import { bytesOfBase64, decodeBase64url } from "./base64url.js";
import { jwkOfRsa, jwkOfSpki } from "./der.js";
import { readJson } from "./json.js";

/** In characters; room for a hundred large keys. */
export const LONGEST_KEYS = 128 * 1024;
const MOST_KEYS = 100;
/** RFC 7518 §3.2: an HMAC key is at least as long as the hash. */
const SHORTEST_SECRET = 32;
/** Bits of an RSA modulus: below it is too weak (RFC 7518 §3.3), above it only slows verifiers down. */
const RSA_BITS = { least: 2_048, most: 8_192 };
/** Members that only a private key has (RFC 7518 §6.2.2 and §6.3.2); the `k` of an `oct` key is looked at apart. */
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth"];
/** What a public key consists of, by its type. */
const MEMBERS = { EC: ["x", "y"], OKP: ["x"], RSA: ["n", "e"], oct: ["k"] };
const PRIVATE_PEM = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/;
const PEM = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g;

/**
 * `{ keys, problems }`. A key is `{ kid, alg, algs, kty, crv, jwk, source }`: `alg` is what it verifies, `algs` more than
 * one where the key itself leaves that open, `source` is "jwk", "jwks" or "pem". A problem is `{ code, text }`.
 */
export function readKeys(text) {
  if (typeof text !== "string" || text.trim() === "") return none("empty", "There is no key yet.");
  if (text.length > LONGEST_KEYS) return none("too-long", "This is longer than any set of keys, so it was not read.");
  const start = text.trim();
  if (start.startsWith("{")) return readJwks(start);
  if (start.includes("-----BEGIN ")) return readPems(start);
  return none("no-key", "This is no key that can be read here. Paste a JWK or a JWK Set, which begin with {, or a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----.");
}

const none = (code, text) => ({ keys: [], problems: [{ code, text }] });

function readJwks(text) {
  const { value, problems: found } = readJson(text);
  if (value === undefined) return none("not-json", `The text ${found[0].text}.`);
  const problems = found.map(({ code, text: end }) => ({ code, text: `The text ${end}.` }));
  const isSet = Array.isArray(value.keys);
  const listed = isSet ? value.keys : [value];
  if (listed.length > MOST_KEYS) return none("too-many", `The set has ${listed.length} keys. At most ${MOST_KEYS} are read.`);
  if (listed.length === 0) return none("no-key", "The set is empty.");
  const read = listed.map((jwk, index) => readJwk(jwk, isSet ? "jwks" : "jwk", isSet ? `Key ${index + 1} of the set` : "The key"));
  return gather(read, problems);
}

function readPems(text) {
  if (PRIVATE_PEM.test(text)) return none("private-key", "This is a private key. It was not kept. To verify, the public key is enough: openssl pkey -in key.pem -pubout prints it. If this key is in use and others may have seen it, replace it.");
  const blocks = [...text.matchAll(PEM)].slice(0, MOST_KEYS);
  if (blocks.length === 0) return none("no-key", "The PEM text is cut off: it begins with -----BEGIN …----- and must end with the -----END …----- line that belongs to it.");
  return gather(blocks.map(([, label, body]) => readPem(label, body)), []);
}

/** Two keys of one name would make a signature ambiguous. */
function gather(read, problems) {
  const keys = read.flatMap(({ key }) => key ?? []);
  const names = keys.flatMap(({ kid }) => kid ?? []);
  const twice = names.find((kid, index) => names.indexOf(kid) !== index);
  problems.push(...read.flatMap(({ problem }) => problem ?? []));
  if (twice !== undefined) problems.push({ code: "duplicate-kid", text: "Two keys of the set have the same kid. A verifier refuses such a set, because it could not tell them apart." });
  return { keys, problems };
}

const refused = (code, text) => ({ problem: { code, text } });

function readPem(label, body) {
  if (label === "CERTIFICATE") return refused("certificate", "This is a certificate. The public key is inside it: openssl x509 -in certificate.pem -noout -pubkey prints it; paste that.");
  if (label !== "PUBLIC KEY" && label !== "RSA PUBLIC KEY") return refused("no-key", "This PEM text is no public key. One begins with -----BEGIN PUBLIC KEY-----.");
  const der = bytesOfBase64(body.replace(/\s+/g, ""));
  const jwk = der && (label === "PUBLIC KEY" ? jwkOfSpki(der) : jwkOfRsa(der));
  if (!jwk) return refused("unsupported", "The PEM text holds no key that can be used here. Known are RSA, P-256 and P-384 with both coordinates written out, and Ed25519.");
  return readJwk(jwk, "pem", "The key");
}

function readJwk(jwk, source, name) {
  const wrong = whyNoKey(jwk, name);
  if (wrong) return { problem: wrong };
  const { kty, crv } = jwk;
  const algs = jwk.alg === undefined ? algorithmsOf(jwk) : [plainName(jwk.alg)];
  const members = Object.fromEntries(MEMBERS[kty].map((member) => [member, jwk[member]]));
  const key = { kid: jwk.kid, alg: algs[0], algs, kty, crv, jwk: { kty, crv, ...members }, source };
  return { key, problem: weaknessOf(jwk, name) };
}

/** A problem `{ code, text }`, or null. */
function whyNoKey(jwk, name) {
  const say = (code, text) => ({ code, text: `${name} ${text}` });
  if (jwk === null || typeof jwk !== "object" || typeof jwk.kty !== "string") return say("no-key", "is no JWK: it has no kty, which says what kind of key it is.");
  if (PRIVATE.some((member) => Object.hasOwn(jwk, member))) return say("private-key", "is a private key. It was not kept. To verify, the same JWK without d, p, q, dp, dq and qi is enough. If it is in use and others may have seen it, replace it.");
  if (!Object.hasOwn(MEMBERS, jwk.kty) || algorithmsOf(jwk).length === 0) return say("unsupported", "is of a kind that is not used here. Known are EC on P-256 and P-384, RSA, OKP with Ed25519, and oct.");
  if (jwk.kid !== undefined && typeof jwk.kid !== "string") return say("kid", "has a kid that is not text.");
  if (jwk.use !== undefined && jwk.use !== "sig") return say("purpose", "is not for signatures: its use is not sig.");
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"))) return say("purpose", "is not for verifying: its key_ops do not have verify.");
  if (jwk.alg !== undefined && !algorithmsOf(jwk).includes(plainName(jwk.alg))) return say("unsupported", "has an alg that is not used here, or does not fit its kind.");
  const missing = MEMBERS[jwk.kty].find((member) => typeof jwk[member] !== "string" || jwk[member] === "" || decodeBase64url(jwk[member]) === null);
  if (missing) return say("member", `has no proper ${missing}: it must be there, in base64url.`);
  return whyRsaUnfit(jwk, say);
}

function whyRsaUnfit({ kty, n }, say) {
  if (kty !== "RSA") return null;
  const bits = bitsOf(decodeBase64url(n));
  if (bits < RSA_BITS.least) return say("weak", `is an RSA key of ${bits} bits. Below ${RSA_BITS.least} bits others can compute the private key, so verifiers refuse it.`);
  return bits > RSA_BITS.most ? say("too-long", `is an RSA key of ${bits} bits; verifiers take at most ${RSA_BITS.most}.`) : null;
}

const bitsOf = (number) => number.length * 8 - Math.clz32(number[0]) + 24;

function weaknessOf({ kty, k }, name) {
  const isShort = kty === "oct" && decodeBase64url(k).length < SHORTEST_SECRET;
  return isShort ? { code: "weak", text: `${name} is a secret of less than ${SHORTEST_SECRET} bytes. It is used here, but others can find it by trying.` } : null;
}
