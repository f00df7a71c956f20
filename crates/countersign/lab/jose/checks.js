// What a verifier of this server's access tokens checks, in its order (RFC 8725 §3, RFC 9068 §4), and what each check
// makes of a token. A verifier stops where it first refuses; here all are made, to see what else is wrong.
import { LONGEST_TOKEN } from "./jwt.js";
import { distanceOf, secondsOf } from "./times.js";
import { isNone } from "./verify.js";

/** Extensions, unencoded payloads, compression, encryption: each has been the way around somebody's check. */
const FORBIDDEN = ["crit", "b64", "zip", "enc"];
const KEYS_INSIDE = ["jwk", "jku", "x5u", "x5c"];
const ACCESS_TOKEN = "at+jwt";
/** Claims that every access token of this server has as text, besides `iss` and `aud`. */
const REQUIRED_TEXTS = ["sub", "client_id", "jti", "sid"];
/** Words of visible ASCII without quotes and backslashes, one space between them (RFC 6749 §3.3). */
const SCOPE = /^(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?$/;
/** In characters. */
const LONGEST_SCOPE = 2_048;
/** What other tokens call themselves, for people. */
const OTHER_TYPES = new Map([
  ["jwt", "which does not say what it is for; ID tokens look like that"],
  ["logout+jwt", "a message that a session has ended"],
  ["dpop+jwt", "a proof that somebody holds a key"],
  ["secevent+jwt", "a report of a security event"],
  ["revocations+jwt", "a piece of the server's list of revocations"],
  ["token-introspection+jwt", "a signed answer to an introspection"],
]);

/**
 * A list of `{ name, state, text }`; `state` is "pass", "refuse" or "unknown". `verification` is what `verify` answered
 * with `keys`, `expected` is `{ issuer, audience }`, or null when the keys are not this server's, `now` is in seconds.
 */
export function checksOf(decoded, { keys, verification, expected, now }) {
  const context = { ...decoded, keys, verification, expected, now };
  return CHECKS.map(([name, check]) => ({ name, ...check(context) }));
}

/** The first refusal, where a verifier would have stopped; undefined when there is none. */
export const refusalIn = (checks) => checks.find(({ state }) => state === "refuse");

const CHECKS = [
  ["Length", length],
  ["Three parts", (token) => problemIn(token, "form") ?? pass("Three parts with two dots between them.")],
  ["Header", (token) => part(token, "header")],
  ["Extensions", inHeader(extensions)],
  ["Algorithm", inHeader(algorithm)],
  ["Key name", inHeader(keyName)],
  ["Keys inside the token", inHeader(keysInside)],
  ["Type", inHeader(type)],
  ["Signature", signature],
  ["Claims", (token) => part(token, "claims")],
  ["Issuer", inClaims(issuer)],
  ["Audience", inClaims(audience)],
  ["Expiry", inClaims(expiry)],
  ["Not too early", inClaims(beginning)],
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
  if (problems.some(({ code }) => code === "too-long")) return refuse("Far longer than any token.");
  const characters = parts.join(".").length;
  if (parts.length === 0) return unknown("There is no token to measure.");
  const said = `${characters.toLocaleString("en")} characters`;
  const most = LONGEST_TOKEN.toLocaleString("en");
  return characters > LONGEST_TOKEN ? refuse(`${said}; at most ${most} are read.`) : pass(`${said}; up to ${most} are read.`);
}

function part(token, name) {
  if (token.parts.length === 0) return unknown("There are no parts to read.");
  return problemIn(token, name) ?? pass("Proper base64url, and in it a JSON object that names nothing twice.");
}

function extensions({ header }) {
  const name = FORBIDDEN.find((forbidden) => Object.hasOwn(header, forbidden));
  if (!name) return pass(`It asks for nothing unusual: none of ${FORBIDDEN.join(", ")}.`);
  return refuse(`It asks for ${name}. Verifiers here do no extensions, compression or encryption, so they refuse it.`);
}

function keyName({ header, keys, verification: { key, outcome }, expected }) {
  if (!Object.hasOwn(header, "kid")) return refuse("The token does not name its key (kid). Verifiers never guess.");
  if (typeof header.kid !== "string") return refuse("The kid is not text.");
  if (key?.kid === header.kid) return pass("A key of this name is known.");
  if (key) return unknown("The pasted key has no name to compare with. It was used because you pasted it.");
  if (keys.length === 0 || outcome !== "no-key") return unknown("No key was looked for.");
  if (!expected) return unknown("None of the pasted keys has this name. Whether a verifier has it, only the verifier knows.");
  return refuse("This server publishes no key of this name. A verifier refuses, and at most asks for the key set again.");
}

function algorithm({ header, verification }) {
  const { alg } = header;
  if (typeof alg !== "string") return refuse("The header does not name its algorithm (alg), or not as text.");
  if (isNone(alg)) return refuse("The algorithm is none: no signature. It is refused, however it is spelt.");
  const { key } = verification;
  if (!key) return unknown("The key decides on the algorithm, and there is no key.");
  if (!key.algs.includes(alg)) {
    return refuse(`The header names another algorithm than the key's, which is ${key.algs.join(" or ")}. The key decides.`);
  }
  if (key.algs.length === 1) return pass(`${key.alg}, which is the key's own.`);
  return pass(`The key is for ${key.algs.join(" or ")} and does not say for which. A published key should (alg).`);
}

function keysInside({ header }) {
  const names = KEYS_INSIDE.filter((name) => Object.hasOwn(header, name));
  if (names.length === 0) return pass("The token brings no key of its own.");
  return pass(`The token brings ${names.join(" and ")}. That is ignored: a forger would bring theirs. Nothing was fetched.`);
}

function type({ header: { typ } }) {
  if (typeof typ !== "string") return refuse(`The token does not say what it is (typ). An API takes ${ACCESS_TOKEN} only.`);
  const name = typ.toLowerCase().replace(/^application\//, "");
  if (name === ACCESS_TOKEN) return pass(`It says that it is an access token (${ACCESS_TOKEN}).`);
  const what = OTHER_TYPES.get(name);
  return refuse(`An API takes ${ACCESS_TOKEN} only. This one is ${what ? `${name}, ${what}` : "of another type"}.`);
}

function signature({ verification: { outcome, why } }) {
  if (outcome === "verified") return pass(why);
  return outcome === "wrong" || outcome === "unsigned" ? refuse(why) : unknown(why);
}

function issuer({ claims: { iss }, expected }) {
  if (typeof iss !== "string") return refuse("There is no issuer (iss), or it is not text.");
  if (!expected) return unknown("Whether it is the right issuer depends on whom the verifier trusts.");
  if (iss === expected.issuer) return pass("This server, to the letter.");
  return refuse(`Another issuer. This server is ${expected.issuer}; not even a slash may differ.`);
}

function audience({ claims: { aud }, expected }) {
  const list = typeof aud === "string" ? [aud] : aud;
  const isList = Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === "string");
  if (!isList) return refuse("There is no audience (aud), or it is neither text nor a list of texts.");
  if (!expected) return unknown("Whether it is meant for the right API depends on the API.");
  if (list.includes(expected.audience)) return pass("The API of this server is meant.");
  return refuse(`It is for another API than ${expected.audience}.`);
}

function expiry({ claims, now }) {
  const seconds = secondsOf(claims.exp);
  if (!Object.hasOwn(claims, "exp")) return refuse("It never expires (no exp). Verifiers insist on an end.");
  if (seconds === null) return refuse("The exp is not a number of seconds. That is an error, and never \"no end\".");
  const distance = distanceOf(seconds, now);
  return now < seconds ? pass(`It expires ${distance}.`) : refuse(`It expired ${distance}. Its holder refreshes.`);
}

function beginning({ claims, now }) {
  for (const name of ["nbf", "iat"]) {
    if (!Object.hasOwn(claims, name)) continue;
    const seconds = secondsOf(claims[name]);
    if (seconds === null) return refuse(`The ${name} is not a number of seconds.`);
    if (seconds > Math.floor(now)) return refuse(`It is not valid yet: ${name} is ${distanceOf(seconds, now)}.`);
  }
  return pass("No moment in it (nbf, iat) is still to come.");
}

function others({ claims }) {
  const required = [...REQUIRED_TEXTS, "iat"];
  const missing = required.filter((name) => !Object.hasOwn(claims, name));
  if (missing.length > 0) return refuse(`The token has no ${missing.join(", ")}. An access token must have ${required.join(", ")}.`);
  const wrong = REQUIRED_TEXTS.find((name) => typeof claims[name] !== "string");
  if (wrong) return refuse(`The ${wrong} is not text.`);
  const unsound = REQUIRED_TEXTS.find((name) => claims[name] === "" || /\p{Cc}/u.test(claims[name]));
  if (unsound) return refuse(`The ${unsound} is empty or has a control character.`);
  if (Object.hasOwn(claims, "scope") && !isScope(claims.scope)) {
    return refuse("The scope is not a list of words in plain ASCII with one space between them.");
  }
  if (Object.hasOwn(claims, "auth_time") && secondsOf(claims.auth_time) === null) {
    return refuse("The auth_time is not a number of seconds.");
  }
  return pass(`The required claims ${required.join(", ")} are present and have the right types.`);
}

const isScope = (scope) => typeof scope === "string" && scope.length <= LONGEST_SCOPE && SCOPE.test(scope);

function session() {
  return unknown(
    "No token can say whether its session has been ended since. An API that must know asks the server (introspection) " +
      "or follows its list of revocations; any other accepts the token until it expires.",
  );
}
