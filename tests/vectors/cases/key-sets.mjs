// Key sets (RFC 7517 §5): an unusable key is ignored, and the other keys stay usable.
import { publicJwk } from "../signing.mjs";

const { kty, crv, x, y } = publicJwk;
const ec = { kty, crv, x, y };
/** Keys from RFC 7517 appendix A.1 (P-256), RFC 7515 appendix A.2 (RSA) and RFC 8037 appendix A.2 (Ed25519). */
const otherEc = {
  kty: "EC",
  crv: "P-256",
  x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
  y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
};
const rsa = {
  kty: "RSA",
  n:
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs" +
    "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV" +
    "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
  e: "AQAB",
};
const ed25519 = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
const good = { ...ec, kid: "good", alg: "ES256" };

/** Keys that are ignored, by what is wrong with them. Each is tested before and after a usable key. */
const IGNORED = {
  "null": null,
  "a string": "key",
  "a number": 1,
  "an array": [],
  "an object without members": {},
  "a kty of another type": { ...ec, kid: "bad", kty: 1 },
  "an unknown kty": { kty: "AKP", kid: "bad", alg: "ML-DSA-44", pub: "AA" },
  "a symmetric key": { kty: "oct", kid: "bad", alg: "HS256", k: "AAAA" },
  "kty __proto__": { ...ec, kid: "bad", kty: "__proto__" },
  "kty constructor": { ...ec, kid: "bad", kty: "constructor" },
  "alg constructor": { ...ec, kid: "bad", alg: "constructor" },
  "alg none": { ...ec, kid: "bad", alg: "none" },
  "alg HS256 on a public key": { ...rsa, kid: "bad", alg: "HS256" },
  "alg of another type": { ...ec, kid: "bad", alg: ["ES256"] },
  "a key for encryption": { ...ec, kid: "bad", use: "enc" },
  "use of another type": { ...ec, kid: "bad", use: 1 },
  "key_ops without verify": { ...ec, kid: "bad", key_ops: ["sign"] },
  "key_ops that is not a list": { ...ec, kid: "bad", key_ops: "verify" },
  "no kid": { ...ec, alg: "ES256" },
  "an empty kid": { ...ec, kid: "" },
  "kid of another type": { ...ec, kid: 1 },
  "kid null": { ...ec, kid: null },
  "another curve": { ...ec, kid: "bad", crv: "P-384" },
  "crv toString": { ...ec, kid: "bad", crv: "toString" },
  "no coordinate y": { kty, crv, x, kid: "bad" },
  "a coordinate with padding": { ...ec, kid: "bad", x: `${x}=` },
  "a short coordinate": { ...ec, kid: "bad", x: "AA" },
  "a point that is not on the curve": { ...ec, kid: "bad", y: x },
  "a private key": { ...ec, kid: "bad", d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI" },
  "a private member that is null": { ...ec, kid: "bad", d: null },
  "RSA with 1024 bits": { ...rsa, kid: "bad", n: rsa.n.slice(0, 171) },
  "RSA with an even modulus": { ...rsa, kid: "bad", n: `${rsa.n.slice(0, -1)}A` },
  "RSA with the exponent 1": { ...rsa, kid: "bad", e: "AQ" },
  "RSA with an exponent of five bytes": { ...rsa, kid: "bad", e: "AQAAAAE" },
  "an Ed25519 point of small order": { ...ed25519, kid: "bad", x: Buffer.alloc(32).toString("base64url") },
  "Ed25519 named as X25519": { ...ed25519, kid: "bad", crv: "X25519" },
};

const REFUSED = {
  "no member keys": {},
  "keys that is not a list": { keys: {} },
  "keys null": { keys: null },
  "an empty list": { keys: [] },
  "no usable key": { keys: [{ ...ec, kid: "bad", use: "enc" }, null] },
  "more than 100 keys": { keys: Array.from({ length: 101 }, () => ({})) },
};

const named = (kid, alg, key) => ({ ...key, kid, alg });

/** Key sets, each with the keys that tokens can name, in the order of publication, as `kid alg`. */
const USABLE = {
  "each algorithm": [
    [named("a", "ES256", ec), named("b", "RS256", rsa), named("c", "PS256", rsa), named("d", "EdDSA", ed25519)],
    ["a ES256", "b RS256", "c PS256", "d EdDSA"],
  ],
  "keys without alg": [
    [ec, rsa, ed25519].map((key, at) => ({ ...key, kid: `${at}` })),
    ["0 ES256", "1 RS256", "2 EdDSA"],
  ],
  "EdDSA with the name Ed25519": [[named("a", "Ed25519", ed25519)], ["a EdDSA"]],
  "two keys with one kid and different algorithms": [
    [named("a", "ES256", ec), named("a", "RS256", rsa)],
    ["a ES256", "a RS256"],
  ],
  "one RSA key with one kid for two algorithms": [
    [named("a", "RS256", rsa), named("a", "PS256", rsa)],
    ["a RS256", "a PS256"],
  ],
  "two keys with one kid and one algorithm": [
    [named("a", "ES256", ec), named("a", "ES256", otherEc)],
    ["a ES256", "a ES256"],
  ],
  "one key twice": [[good, good], ["good ES256"]],
  "one key twice with other members": [[good, { ...good, x5t: "AA", alg: undefined, use: "sig" }], ["good ES256"]],
  "one key with two kids": [
    [named("a", "ES256", ec), named("b", "ES256", ec)],
    ["a ES256", "b ES256"],
  ],
  "members of Object.prototype as kid": [
    ["__proto__", "constructor", "toString", "hasOwnProperty"].map((kid) => named(kid, "ES256", ec)),
    ["__proto__ ES256", "constructor ES256", "toString ES256", "hasOwnProperty ES256"],
  ],
};

export function keySets() {
  const ignored = Object.entries(IGNORED).flatMap(([name, key]) => [
    { name: `${name}, before a usable key`, jwks: { keys: [key, good] }, usable: ["good ES256"] },
    { name: `${name}, after a usable key`, jwks: { keys: [good, key] }, usable: ["good ES256"] },
  ]);
  const usable = Object.entries(USABLE).map(([name, [keys, names]]) => ({ name, jwks: { keys }, usable: names }));
  const refused = Object.entries(REFUSED).map(([name, jwks]) => ({ name, jwks, usable: null }));
  return [...ignored, ...usable, ...refused];
}
