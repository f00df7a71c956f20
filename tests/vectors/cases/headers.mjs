// Header parameters that are required, refused or ignored (RFC 7515 §4.1, RFC 8725).
import { accept, refuse } from "./case.mjs";
import { CLAIMS, encode, HEADER, ofHeader, ofMoreHeader, ofSecret } from "../token.mjs";
import { KID, publicForms, publicJwk, publicJwkOf, sign } from "../signing.mjs";

export const headers = () => [...algorithms(), ...keyNames(), ...keysInside(), ...types(), ...extensions()];

const unsigned = (header) => `${encode(JSON.stringify({ ...HEADER, ...header }))}.${encode(JSON.stringify(CLAIMS))}.`;

const algorithms = () => [
  ...["none", "nOnE", "NONE"].flatMap((alg) => [
    refuse(`alg ${alg}, unsigned`, unsigned({ alg }), "an unsigned token is refused"),
    refuse(`alg ${alg}, signed`, ofHeader({ alg }), "the algorithm must be the key's"),
  ]),
  refuse(
    "alg HS256 with the public key as PEM",
    ofSecret({ alg: "HS256" }, publicForms.pem),
    "a public key is not an HMAC secret",
  ),
  refuse(
    "alg HS256 with the public key as JWK",
    ofSecret({ alg: "HS256" }, publicForms.jwk),
    "a public key is not an HMAC secret",
  ),
  refuse("alg ES256 with an HMAC", ofSecret({}, publicForms.pem), "an HMAC is not an ES256 signature"),
  ...["RS256", "PS256", "EdDSA", "ES384", "ES256K", "es256", "ES256 ", "", "constructor"].map((alg) =>
    refuse(`alg ${JSON.stringify(alg)}`, ofHeader({ alg }), "the algorithm must be the key's, in the same case"),
  ),
  refuse("alg missing", ofHeader({ alg: undefined }), "alg is required"),
  refuse("alg null", ofHeader({ alg: null }), "alg must be a string"),
  refuse("alg as a number", ofHeader({ alg: 256 }), "alg must be a string"),
  refuse("alg as an array", ofHeader({ alg: ["ES256"] }), "alg must be a string"),
];

const keyNames = () => [
  refuse("kid missing", ofHeader({ kid: undefined }), "a token must have a kid"),
  refuse("kid unknown", ofHeader({ kid: "other" }), "no key has this kid"),
  refuse("kid in another case", ofHeader({ kid: KID.toUpperCase() }), "names are compared character by character"),
  refuse("kid with a space at the end", ofHeader({ kid: `${KID} ` }), "names are compared character by character"),
  refuse("kid empty", ofHeader({ kid: "" }), "no key has this kid"),
  refuse("kid as a path", ofHeader({ kid: "../../dev/null" }), "no key has this kid"),
  refuse("kid __proto__", ofHeader({ kid: "__proto__" }), "no key has this kid"),
  refuse("kid as a number", ofHeader({ kid: 0 }), "kid must be a string"),
  refuse("kid null", ofHeader({ kid: null }), "kid must be a string"),
  refuse("kid as an array", ofHeader({ kid: [KID] }), "kid must be a string"),
  refuse("kid as an object", ofHeader({ kid: { [KID]: 1 } }), "kid must be a string"),
];

/** The private key of a forger. The verifiers trust only the key of RFC 7515 appendix A.3. */
const FORGERS_SCALAR = Buffer.alloc(32, 7).toString("base64url");

const forgersJwk = publicJwkOf(FORGERS_SCALAR);

function forged(header) {
  const text = `${encode(JSON.stringify({ ...HEADER, ...header }))}.${encode(JSON.stringify(CLAIMS))}`;
  return `${text}.${encode(sign(text, FORGERS_SCALAR))}`;
}

const keysInside = () => [
  accept("jwk with the real key", ofHeader({ jwk: publicJwk }), "a key in the header is ignored"),
  accept("jwk that is not a key", ofHeader({ jwk: "none" }), "a key in the header is ignored"),
  accept(
    "jku",
    ofHeader({ jku: "https://attacker.example/keys" }),
    "a URL in the header is ignored and not fetched",
  ),
  accept(
    "x5u",
    ofHeader({ x5u: "https://attacker.example/certificate" }),
    "a URL in the header is ignored and not fetched",
  ),
  accept("x5c", ofHeader({ x5c: ["AAAA"] }), "a certificate in the header is ignored"),
  accept("x5t", ofHeader({ x5t: "AAAA" }), "a thumbprint in the header is ignored"),
  refuse("jwk of a forger", forged({ jwk: forgersJwk }), "a key in the header is ignored, so the signature does not verify"),
  refuse(
    "jwk of a forger with its own kid",
    forged({ jwk: { ...forgersJwk, kid: "own" }, kid: "own" }),
    "no key of the key set has this kid",
  ),
  refuse(
    "jku of a forger",
    forged({ jku: "https://attacker.example/keys" }),
    "a URL in the header is ignored, so the signature does not verify",
  ),
];

const types = () => [
  ...["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt", "APPLICATION/AT+JWT"].map((typ) =>
    accept(
      `typ ${typ}`,
      ofHeader({ typ }),
      "a media type ignores case, and application/ may be left out (RFC 7515 §4.1.9)",
    ),
  ),
  ...[
    "JWT",
    "jwt",
    "id+jwt",
    "logout+jwt",
    "revocations+jwt",
    "at",
    "at+jwt ",
    " at+jwt",
    "at+jwt;v=1",
    "text/at+jwt",
    "application/application/at+jwt",
    "application/",
    "",
  ].map((typ) => refuse(`typ ${JSON.stringify(typ)}`, ofHeader({ typ }), "not the type of an access token")),
  refuse("typ missing", ofHeader({ typ: undefined }), "an access token must have a typ (RFC 9068 §2.1)"),
  refuse("typ null", ofHeader({ typ: null }), "typ must be a string"),
  refuse("typ as an array", ofHeader({ typ: ["at+jwt"] }), "typ must be a string"),
  refuse("typ as a number", ofHeader({ typ: 1 }), "typ must be a string"),
];

const extensions = () => [
  refuse("crit with an unknown extension", ofHeader({ crit: ["x"], x: 1 }), "critical extensions are not supported"),
  refuse("crit with exp", ofHeader({ crit: ["exp"], exp: 1 }), "critical extensions are not supported"),
  refuse("crit with b64 true", ofHeader({ crit: ["b64"], b64: true }), "critical extensions are not supported"),
  refuse("crit with b64 false", ofHeader({ crit: ["b64"], b64: false }), "critical extensions are not supported"),
  refuse("crit empty", ofHeader({ crit: [] }), "crit is refused with any value"),
  refuse("crit null", ofHeader({ crit: null }), "crit is refused with any value"),
  refuse("crit as a string", ofHeader({ crit: "exp" }), "crit is refused with any value"),
  refuse("b64 true", ofHeader({ b64: true }), "b64 is refused with any value (RFC 7797)"),
  refuse("b64 false", ofHeader({ b64: false }), "b64 is refused with any value (RFC 7797)"),
  refuse("b64 null", ofHeader({ b64: null }), "b64 is refused with any value (RFC 7797)"),
  refuse("b64 false and the payload not encoded", unencoded(), "b64 is refused with any value (RFC 7797)"),
  refuse("zip DEF", ofHeader({ zip: "DEF" }), "compression is not supported"),
  refuse("zip null", ofHeader({ zip: null }), "zip is refused with any value"),
  refuse("enc", ofHeader({ enc: "A256GCM" }), "encryption is not supported"),
  refuse("enc empty", ofHeader({ enc: "" }), "enc is refused with any value"),
  refuse(
    "crit written with an escape",
    ofMoreHeader('"\\u0063rit":[]'),
    "an escaped name is the same name",
  ),
  accept(
    "unknown members",
    ofHeader({ cty: "JWT", nonce: "n", x: { y: [null] } }),
    "unknown members are ignored (RFC 7515 §4)",
  ),
  accept("members in another case", ofHeader({ CRIT: ["x"], Zip: "DEF" }), "names are compared character by character"),
];

function unencoded() {
  const head = encode(JSON.stringify({ ...HEADER, b64: false, crit: ["b64"] }));
  const body = JSON.stringify(CLAIMS).replaceAll(".", "\\u002e");
  return `${head}.${body}.${encode(sign(`${head}.${body}`))}`;
}
