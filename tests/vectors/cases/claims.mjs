// The claims of an access token: required claims, their types and their values.
import { accept, refuse } from "./case.mjs";
import { AUDIENCE, CLAIMS, ISSUER, NOW, ofClaimText, ofClaims, ofPayloadText, textWith } from "../token.mjs";

export const claims = () => [
  ...valid(),
  ...issuers(),
  ...audiences(),
  ...types(),
  ...missing(),
  ...times(),
  ...scopes(),
];

const valid = () => [
  accept("valid, minimal", ofClaims({}), "every required claim and nothing else"),
  accept(
    "valid, all claims",
    ofClaims({
      nbf: NOW - 60,
      auth_time: NOW - 3_600,
      scope: "orders:read orders:write",
      acr: "1",
      amr: ["pwd"],
      cnf: { jkt: "k" },
    }),
    "every claim that the server sets",
  ),
  accept(
    "valid, non-ASCII and nested claims",
    ofClaims({
      sub: "zoë",
      name: "Zoë 🎉 عربي",
      address: { city: "Ōsaka", lines: ["1", { floor: null }] },
      admin: false,
    }),
    "custom claims may be any JSON in UTF-8",
  ),
];

const issuers = () => [
  refuse("iss of another issuer", ofClaims({ iss: "https://other.example" }), "the issuer is not the expected one"),
  refuse(
    "iss with a slash at the end",
    ofClaims({ iss: `${ISSUER}/` }),
    "the issuer is compared character by character",
  ),
  refuse("iss in upper case", ofClaims({ iss: ISSUER.toUpperCase() }), "the issuer is compared character by character"),
  refuse("iss as an array", ofClaims({ iss: [ISSUER] }), "iss must be a string"),
  refuse("iss null", ofClaims({ iss: null }), "iss must be a string"),
];

const audiences = () => [
  accept("aud as an array of one", ofClaims({ aud: [AUDIENCE] }), "aud may be an array of strings"),
  accept(
    "aud as an array with another API",
    ofClaims({ aud: ["https://other.example", AUDIENCE] }),
    "one match is enough",
  ),
  refuse("aud as an empty array", ofClaims({ aud: [] }), "aud must name at least one API"),
  refuse("aud as an array without the API", ofClaims({ aud: ["https://other.example"] }), "the expected API is not in the list"),
  refuse("aud as an array with a number", ofClaims({ aud: [AUDIENCE, 1] }), "every member of aud must be a string"),
  refuse("aud as an array with null", ofClaims({ aud: [AUDIENCE, null] }), "every member of aud must be a string"),
  refuse("aud as an array in an array", ofClaims({ aud: [[AUDIENCE]] }), "every member of aud must be a string"),
  refuse("aud of another API", ofClaims({ aud: "https://other.example" }), "the audience is not the expected one"),
  refuse(
    "aud with a slash at the end",
    ofClaims({ aud: `${AUDIENCE}/` }),
    "the audience is compared character by character",
  ),
  refuse("aud as an object", ofClaims({ aud: { [AUDIENCE]: true } }), "aud must be a string or an array of strings"),
  refuse("aud null", ofClaims({ aud: null }), "aud must be a string or an array of strings"),
  refuse("aud as a number", ofClaims({ aud: 1 }), "aud must be a string or an array of strings"),
];

/** The claims that must be strings, each as a number, null, an array and an object. */
const types = () =>
  ["sub", "jti", "client_id", "sid"].flatMap((name) => [
    refuse(`${name} as a number`, ofClaims({ [name]: 1 }), `${name} must be a string`),
    refuse(`${name} null`, ofClaims({ [name]: null }), `${name} must be a string; null does not count as absent`),
    refuse(`${name} as an array`, ofClaims({ [name]: [CLAIMS[name]] }), `${name} must be a string`),
    refuse(`${name} as an object`, ofClaims({ [name]: { value: CLAIMS[name] } }), `${name} must be a string`),
    refuse(`${name} empty`, ofClaims({ [name]: "" }), `${name} must not be empty`),
    refuse(`${name} with U+0000`, ofClaims({ [name]: `${CLAIMS[name]}\u0000` }), "a control character is refused"),
    refuse(`${name} with a line break`, ofClaims({ [name]: `a\n${CLAIMS[name]}` }), "a control character is refused"),
    refuse(`${name} with DEL`, ofClaims({ [name]: `${CLAIMS[name]}\u007f` }), "a control character is refused"),
    refuse(`${name} with U+0085`, ofClaims({ [name]: `${CLAIMS[name]}\u0085` }), "a control character is refused"),
  ]);

const missing = () => [
  ...Object.keys(CLAIMS).map((name) =>
    refuse(`${name} missing`, ofClaims({ [name]: undefined }), `${name} is required`),
  ),
  refuse("sub inside __proto__ only", subInPrototype(), "__proto__ is an ordinary name; its members are not claims"),
];

function subInPrototype() {
  const { sub, ...others } = CLAIMS;
  return ofPayloadText(textWith(others, `"__proto__":{"sub":${JSON.stringify(sub)}}`));
}

/** Invalid values of a time claim: name → JSON text. */
const wrongTimes = {
  "as a string": JSON.stringify(String(NOW + 600)),
  null: "null",
  true: "true",
  "as an array": `[${NOW + 600}]`,
  "as an object": "{}",
  negative: "-1",
  "just below zero": "-0.5",
  "beyond 2^53 - 1": "9007199254740992",
  "beyond 64 bits": "18446744073709551616",
  "1e300": "1e300",
  "1e400": "1e400",
  "-1e400": "-1e400",
};

const times = () => [
  ...["exp", "iat", "nbf"].flatMap((name) =>
    Object.entries(wrongTimes).map(([what, text]) =>
      refuse(`${name} ${what}`, ofClaimText(name, text), `${name} must be a number of seconds from 0 to 2^53 - 1`),
    ),
  ),
  ...["as a string", "null", "negative", "1e400"].map((what) =>
    refuse(`auth_time ${what}`, ofClaimText("auth_time", wrongTimes[what]), "auth_time must be a number of seconds"),
  ),
  accept("auth_time with a fraction", ofClaimText("auth_time", `${NOW - 60}.5`), "fractions of a second are allowed"),
  accept("exp with a fraction", ofClaimText("exp", `${NOW + 600}.75`), "fractions of a second are allowed"),
  accept("exp as 1800000600.0", ofClaimText("exp", "1800000600.0"), "an integer may be written with a decimal point"),
  accept("exp as 1.8000006e9", ofClaimText("exp", "1.8000006e9"), "a number may be written with an exponent"),
  accept("exp 2^53 - 1", ofClaimText("exp", "9007199254740991"), "the largest time that a verifier accepts"),
  accept("iat as 1e2", ofClaimText("iat", "1e2"), "a number may be written with an exponent"),
  accept("iat 0", ofClaimText("iat", "0"), "0 is a valid time, the beginning of 1970"),
  accept("iat -0", ofClaimText("iat", "-0"), "-0 is zero"),
  accept("nbf in the past", ofClaims({ nbf: NOW - 60 }), "nbf is in the past"),
  refuse("exp as 1e2", ofClaimText("exp", "1e2"), "it expired in 1970"),
  refuse("exp 0", ofClaimText("exp", "0"), "it expired in 1970"),
  refuse("expired", ofClaims({ exp: NOW - 60 }), "exp has passed by more than any leeway"),
  refuse("not yet valid", ofClaims({ nbf: NOW + 120 }), "nbf is later than any leeway allows"),
  refuse("issued in the future", ofClaims({ iat: NOW + 120 }), "iat is later than any leeway allows"),
];

const scopes = () => [
  accept("scope empty", ofClaims({ scope: "" }), "an empty scope is valid"),
  accept("scope with a word twice", ofClaims({ scope: "a a" }), "a scope is a set"),
  accept("scope of 2,048 characters", ofClaims({ scope: "s".repeat(2_048) }), "the longest scope that a verifier accepts"),
  refuse("scope of 2,049 characters", ofClaims({ scope: "s".repeat(2_049) }), "the scope is too long"),
  refuse("scope as an array", ofClaims({ scope: ["orders:read"] }), "scope must be a string"),
  refuse("scope as a number", ofClaims({ scope: 1 }), "scope must be a string"),
  refuse("scope null", ofClaims({ scope: null }), "scope must be a string; null does not count as absent"),
  refuse("scope with two spaces", ofClaims({ scope: "a  b" }), "one space separates words (RFC 6749 §3.3)"),
  refuse("scope with a space at the end", ofClaims({ scope: "a " }), "one space separates words (RFC 6749 §3.3)"),
  refuse("scope with a tab", ofClaims({ scope: "a\tb" }), "a scope has no control characters (RFC 6749 §3.3)"),
  refuse("scope with a quote", ofClaims({ scope: 'a"b' }), "a scope has no quotes (RFC 6749 §3.3)"),
  refuse("scope that is not ASCII", ofClaims({ scope: "zoë" }), "a scope is visible ASCII (RFC 6749 §3.3)"),
];
