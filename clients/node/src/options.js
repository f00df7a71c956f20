"use strict";
// The options of a guard, checked when the guard is created, so that a mistake stops the program at its start. Only
// `dangerouslyIgnoreRevocations` disables a check.

const http = require("node:http");

const { clockTolerance, longestLeeway, longestServedStale, staleAfter } = require("./limits.js");

/** Only asymmetric algorithms, so that an API needs no key that could sign tokens. */
const ALGORITHMS = Object.freeze(["ES256", "RS256", "PS256", "EdDSA"]);
const TOKEN_TYPES = ["at+jwt", "JWT"];
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const DEFAULT_STALE = { policy: "serve", for: 60 };

/** A shared function: guards of one issuer log each line once for each function. */
const warn = (line) => console.warn(line);

const PARSERS = {
  issuer: (value) => check(isIssuer(value), "issuer", "an https URL, or an http URL on this machine, without a slash at the end", value),
  audience: (value) =>
    check(isAudience(value), "audience", "the `aud` of your tokens, in visible ASCII without quotes and backslashes", value),
  server: (value, { issuer }) =>
    value === undefined ? issuer : check(isHttp(value), "server", "an http or https URL without a slash at the end", value),
  scope: (value) => parseScope(value),
  tokenType: (value = "at+jwt") => check(TOKEN_TYPES.includes(value), "tokenType", '"at+jwt" or "JWT"', value),
  algorithms: (value = ALGORITHMS) =>
    check(isAlgorithms(value), "algorithms", `one or more of ${ALGORITHMS.join(", ")}`, value),
  leeway: (value = clockTolerance) =>
    check(isWithin(value, 0, longestLeeway), "leeway", `a number of seconds, 0 to ${longestLeeway}`, value),
  legacyClients: (value = false) => check(typeof value === "boolean", "legacyClients", "true or false", value),
  dangerouslyIgnoreRevocations: (value = false) =>
    check(typeof value === "boolean", "dangerouslyIgnoreRevocations", "true or false", value),
  revocations: (value, options) => parseRevocations(value, options),
  agent: (value) =>
    check(value === undefined || value instanceof http.Agent, "agent", "an Agent of node:http or node:https", value),
  fetch: (value, { agent }) => {
    check(value === undefined || typeof value === "function", "fetch", "a function", value);
    return check(value === undefined || agent === undefined, "fetch", "omitted if `agent` is set", value);
  },
  log: (value = warn) => check(typeof value === "function", "log", "a function", value),
  onRefused: (value) => check(value === undefined || typeof value === "function", "onRefused", "a function", value),
};

/** Checks options and fills in the defaults. Throws a `TypeError` that names the wrong option. */
function parseOptions(given) {
  checkKeys("options", given, Object.keys(PARSERS));
  const read = (name) => PARSERS[name](given[name], given);
  return Object.freeze(Object.fromEntries(Object.keys(PARSERS).map((name) => [name, read(name)])));
}

/** Returns scopes as a list, from a list or from a string separated by spaces (RFC 6749 §3.3). */
function parseScope(value = []) {
  const scopes = typeof value === "string" ? value.split(" ").filter((scope) => scope !== "") : value;
  const isScope = (scope) => typeof scope === "string" && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope);
  check(Array.isArray(scopes) && scopes.every(isScope), "scope", "a string or a list of scopes", value);
  return Object.freeze([...scopes]);
}

/** Returns the scopes that one route requires in addition to the guard's. */
function parseRequirements(requirements = {}) {
  checkKeys("requirements", requirements, ["scope"]);
  return parseScope(requirements.scope);
}

/** Returns the accepted age of the revocation list in seconds, or `null` if the guard ignores revocations. */
function parseRevocations(value, { dangerouslyIgnoreRevocations }) {
  if (dangerouslyIgnoreRevocations) {
    check(value === undefined, "revocations", "omitted if `dangerouslyIgnoreRevocations` is set", value);
    return null;
  }
  checkKeys("revocations", value ?? {}, ["stale"]);
  const stale = value?.stale ?? DEFAULT_STALE;
  checkKeys("revocations.stale", stale, ["policy", "for"]);
  const isRefuse = stale.policy === "refuse" && stale.for === undefined;
  const isServe = stale.policy === "serve" && isWithin(stale.for, staleAfter, longestServedStale);
  const expected = `{ policy: "refuse" } or { policy: "serve", for: SECONDS } with ${staleAfter} to ${longestServedStale}`;
  check(isRefuse || isServe, "revocations.stale", expected, stale);
  return isRefuse ? staleAfter : stale.for;
}

/** Rejects numbers in strings, such as those from environment variables. */
function isWithin(value, min, max) {
  return typeof value === "number" && value >= min && value <= max;
}

function isAlgorithms(value) {
  return Array.isArray(value) && value.length > 0 && value.every((name) => ALGORITHMS.includes(name));
}

/** The audience becomes the `realm` of a challenge, so it must fit into a quoted string. */
function isAudience(value) {
  return typeof value === "string" && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value);
}

function isIssuer(value) {
  if (!isHttp(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === "https:" || LOOPBACK.includes(hostname);
}

function isHttp(value) {
  return typeof value === "string" && /^https?:\/\/[^?#@\s]*[^?#@\s/]$/.test(value) && URL.canParse(value);
}

function checkKeys(name, given, known) {
  check(typeof given === "object" && given !== null, name, "an object", given);
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new TypeError(`\`${name}\` does not accept \`${unknown}\`; it accepts ${known.join(", ")}`);
}

function check(isValid, name, expected, value) {
  if (isValid) return value;
  throw new TypeError(`\`${name}\` must be ${expected}, but is ${JSON.stringify(value)}`);
}

module.exports = { ALGORITHMS, parseOptions, parseRequirements };
