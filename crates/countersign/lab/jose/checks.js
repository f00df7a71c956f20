// The checks of a verifier of this server's access tokens, in the verifier's order (RFC 8725 §3, RFC 9068 §4), and the result
// of each. A verifier stops at the first failed check; this module makes all of them, to show what else is wrong.
import { LONGEST_TOKEN } from "./jwt.js";
import { distanceOf, secondsOf } from "./times.js";
import { isNone } from "./verify.js";

/** Extensions, unencoded payloads, compression and encryption: attackers have used each of them to bypass a check. */
const FORBIDDEN = ["crit", "b64", "zip", "enc"];
const KEYS_INSIDE = ["jwk", "jku", "x5u", "x5c"];
const ACCESS_TOKEN = "at+jwt";
/** String claims that every access token of this server has, besides `iss` and `aud`. */
const REQUIRED_TEXTS = ["sub", "client_id", "jti", "sid"];
/** Words of visible ASCII without quotes and backslashes, one space between them (RFC 6749 §3.3). */
const SCOPE = /^(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?$/;
/** In characters. */
const LONGEST_SCOPE = 2_048;
/** The `typ` of other kinds of tokens, and a description of each. */
const OTHER_TYPES = new Map([
  ["jwt", "a generic type, which ID tokens have, for example"],
  ["logout+jwt", "a logout token, which says that a session has ended"],
  ["dpop+jwt", "a proof that the client holds a key"],
  ["secevent+jwt", "a security event"],
  ["revocations+jwt", "a page of the server's revocation list"],
  ["token-introspection+jwt", "a signed introspection response"],
]);

/**
 * Returns a list of `{ name, state, text }`; `state` is "pass", "refuse" or "unknown". `verification` is the result of `verify`
 * with `keys`. `expected` is `{ issuer, audience }`, or null if the keys are not this server's. `now` is in seconds since 1970.
 */
export function checksOf(decoded, { keys, verification, expected, now }) {
  const context = { ...decoded, keys, verification, expected, now };
  return CHECKS.map(([name, check]) => ({ name, ...check(context) }));
}

/** The first failed check, at which a verifier stops; undefined if no check failed. */
export const refusalIn = (checks) => checks.find(({ state }) => state === "refuse");

const CHECKS = [
  ["Length", length],
  ["Three parts", (token) => problemIn(token, "form") ?? pass("The token has three parts, separated by two dots.")],
  ["Header", (token) => part(token, "header")],
  ["Extensions", inHeader(extensions)],
  ["Algorithm", inHeader(algorithm)],
  ["Key ID", inHeader(keyName)],
  ["Keys inside the token", inHeader(keysInside)],
  ["Type", inHeader(type)],
  ["Signature", signature],
  ["Claims", (token) => part(token, "claims")],
  ["Issuer", inClaims(issuer)],
  ["Audience", inClaims(audience)],
  ["Expiry", inClaims(expiry)],
  ["Not before", inClaims(beginning)],
  ["Other claims", inClaims(others)],
  ["Session", session],
];

const pass = (text) => ({ state: "pass", text });
const refuse = (text) => ({ state: "refuse", text });
const unknown = (text) => ({ state: "unknown", text });

function inHeader(check) {
  return (token) => (token.header ? check(token) : unknown("The header could not be read."));
}

function inClaims(check) {
  return (token) => (token.claims ? check(token) : unknown("The claims could not be read."));
}

function problemIn({ problems }, part) {
  const found = problems.filter((problem) => problem.part === part);
  return found.length > 0 ? refuse(found.map(({ text }) => text).join(" ")) : null;
}

function length({ parts, problems }) {
  if (problems.some(({ code }) => code === "too-long")) return refuse("The text is far longer than any token.");
  const characters = parts.join(".").length;
  if (parts.length === 0) return unknown("There is no token to check.");
  const said = `${characters.toLocaleString("en")} characters`;
  const most = LONGEST_TOKEN.toLocaleString("en");
  return characters > LONGEST_TOKEN ? refuse(`${said}; the maximum is ${most}.`) : pass(`${said}; the maximum is ${most}.`);
}

function part(token, name) {
  if (token.parts.length === 0) return unknown("There are no parts to read.");
  return problemIn(token, name) ?? pass("This part is valid base64url of a JSON object without duplicate names.");
}

function extensions({ header }) {
  const name = FORBIDDEN.find((forbidden) => Object.hasOwn(header, forbidden));
  if (!name) return pass(`The header has none of ${FORBIDDEN.join(", ")}.`);
  return refuse(`The header has ${name}. Verifiers of this server's tokens do not support extensions, compression or encryption.`);
}

function keyName({ header, keys, verification: { key, outcome }, expected }) {
  if (!Object.hasOwn(header, "kid")) return refuse("The header has no key ID (kid). Verifiers do not guess the key.");
  if (typeof header.kid !== "string") return refuse("The key ID (kid) is not a string.");
  if (key?.kid === header.kid) return pass("There is a key with this ID.");
  if (key) return unknown("The pasted key has no ID to compare with. It was used because you pasted it.");
  if (keys.length === 0 || outcome !== "no-key") return unknown("No key was looked up.");
  if (!expected) return unknown("None of the pasted keys has this ID. The verifier may have another key.");
  return refuse("This server does not publish a key with this ID. A verifier may fetch the key set again before it rejects the token.");
}

function algorithm({ header, verification }) {
  const { alg } = header;
  if (typeof alg !== "string") return refuse("The header has no algorithm (alg), or it is not a string.");
  if (isNone(alg)) return refuse("The algorithm is none, which means no signature. Verifiers reject it in any spelling.");
  const { key } = verification;
  if (!key) return unknown("The key determines the algorithm, and there is no key.");
  if (!key.algs.includes(alg)) {
    return refuse(`The header names another algorithm than the key's, which is ${key.algs.join(" or ")}. The key determines the algorithm.`);
  }
  if (key.algs.length === 1) return pass(`${key.alg}, the algorithm of the key.`);
  return pass(`The key allows ${key.algs.join(" or ")}, because it has no alg. A published key should have one.`);
}

function keysInside({ header }) {
  const names = KEYS_INSIDE.filter((name) => Object.hasOwn(header, name));
  if (names.length === 0) return pass("The header contains no key.");
  return pass(`The header has ${names.join(" and ")}. It is ignored, because a forger could put their own key there. Nothing was fetched.`);
}

function type({ header: { typ } }) {
  if (typeof typ !== "string") return refuse(`The header has no type (typ), or it is not a string. An API accepts only ${ACCESS_TOKEN}.`);
  const name = typ.toLowerCase().replace(/^application\//, "");
  if (name === ACCESS_TOKEN) return pass(`The type is access token (${ACCESS_TOKEN}).`);
  const what = OTHER_TYPES.get(name);
  return refuse(`An API accepts only ${ACCESS_TOKEN}. This token is ${what ? `${name}, ${what}` : "of another type"}.`);
}

function signature({ verification: { outcome, why } }) {
  if (outcome === "verified") return pass(why);
  return outcome === "wrong" || outcome === "unsigned" ? refuse(why) : unknown(why);
}

function issuer({ claims: { iss }, expected }) {
  if (typeof iss !== "string") return refuse("The token has no issuer (iss), or it is not a string.");
  if (!expected) return unknown("Whether the issuer is right depends on the issuers that the verifier trusts.");
  if (iss === expected.issuer) return pass("The issuer is exactly this server's.");
  return refuse(`The token has another issuer. This server is ${expected.issuer}; every character must match, even a slash at the end.`);
}

function audience({ claims: { aud }, expected }) {
  const list = typeof aud === "string" ? [aud] : aud;
  const isList = Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === "string");
  if (!isList) return refuse("The token has no audience (aud), or it is neither a string nor a list of strings.");
  if (!expected) return unknown("Whether the audience is right depends on the API.");
  if (list.includes(expected.audience)) return pass("The audience includes the API of this server.");
  return refuse(`The audience does not include ${expected.audience}.`);
}

function expiry({ claims, now }) {
  const seconds = secondsOf(claims.exp);
  if (!Object.hasOwn(claims, "exp")) return refuse("The token has no expiration time (exp). Verifiers require one.");
  if (seconds === null) return refuse("The exp is not a number of seconds. Verifiers treat that as an error, not as \"no expiration\".");
  const distance = distanceOf(seconds, now);
  return now < seconds ? pass(`The token expires ${distance}.`) : refuse(`The token expired ${distance}. Refresh to get a new one.`);
}

function beginning({ claims, now }) {
  for (const name of ["nbf", "iat"]) {
    if (!Object.hasOwn(claims, name)) continue;
    const seconds = secondsOf(claims[name]);
    if (seconds === null) return refuse(`The ${name} is not a number of seconds.`);
    if (seconds > Math.floor(now)) return refuse(`The token is not valid yet: ${name} is ${distanceOf(seconds, now)}.`);
  }
  return pass("The times nbf and iat are not in the future.");
}

function others({ claims }) {
  const required = [...REQUIRED_TEXTS, "iat"];
  const missing = required.filter((name) => !Object.hasOwn(claims, name));
  if (missing.length > 0) return refuse(`The token has no ${missing.join(", ")}. An access token must have ${required.join(", ")}.`);
  const wrong = REQUIRED_TEXTS.find((name) => typeof claims[name] !== "string");
  if (wrong) return refuse(`The ${wrong} is not a string.`);
  const unsound = REQUIRED_TEXTS.find((name) => claims[name] === "" || /\p{Cc}/u.test(claims[name]));
  if (unsound) return refuse(`The ${unsound} is empty or has a control character.`);
  if (Object.hasOwn(claims, "scope") && !isScope(claims.scope)) {
    return refuse("The scope is not a list of ASCII words, separated by one space.");
  }
  if (Object.hasOwn(claims, "auth_time") && secondsOf(claims.auth_time) === null) {
    return refuse("The auth_time is not a number of seconds.");
  }
  return pass(`The required claims ${required.join(", ")} are present and have the right types.`);
}

const isScope = (scope) => typeof scope === "string" && scope.length <= LONGEST_SCOPE && SCOPE.test(scope);

function session() {
  return unknown(
    "The token does not show whether its session was revoked after it was issued. An API that must know asks the server " +
      "(introspection) or follows its revocation list. Any other API accepts the token until it expires.",
  );
}
