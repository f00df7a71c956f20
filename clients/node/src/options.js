"use strict";
// What a guard is told, checked once and at once: a mistake stops the program at its start. Nothing here
// switches a check of the token off; the one check that can be, of revocations, has a name that says so.

const http = require("node:http");

const { clockTolerance, staleAfter, longestLeeway, longestServedStale } = require("./limits.js");

/** Asymmetric alone: a resource server holds nothing that could sign. */
const ALGORITHMS = Object.freeze(["ES256", "RS256", "PS256", "EdDSA"]);
const TOKEN_TYPES = ["at+jwt", "JWT"];
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const DEFAULT_STALE = { policy: "serve", for: 60 };

/** One function, so that guards of one issuer that say nothing about a log write each line once. */
const warn = (line) => console.warn(line);

const PARSERS = {
  issuer: (value) => check(isIssuer(value), "issuer", "an https URL without a slash at its end", value),
  audience: (value) =>
    check(isAudience(value), "audience", "what the `aud` of your tokens says, in plain characters", value),
  server: (value, { issuer }) =>
    value === undefined ? issuer : check(isHttp(value), "server", "an http or https URL, no slash at its end", value),
  scope: (value) => parseScope(value),
  tokenType: (value = "at+jwt") => check(TOKEN_TYPES.includes(value), "tokenType", '"at+jwt" or "JWT"', value),
  algorithms: (value = ALGORITHMS) =>
    check(isAlgorithms(value), "algorithms", `one or more of ${ALGORITHMS.join(", ")}`, value),
  leeway: (value = clockTolerance) =>
    check(isWithin(value, 0, longestLeeway), "leeway", `a number of seconds, 0 to ${longestLeeway}`, value),
  tutorial: (value = false) => check(typeof value === "boolean", "tutorial", "true or false", value),
  dangerouslyIgnoreRevocations: (value = false) =>
    check(typeof value === "boolean", "dangerouslyIgnoreRevocations", "true or false", value),
  revocations: (value, options) => parseRevocations(value, options),
  agent: (value) =>
    check(value === undefined || value instanceof http.Agent, "agent", "an Agent of node:http or node:https", value),
  fetch: (value, { agent }) => {
    check(value === undefined || typeof value === "function", "fetch", "a function", value);
    return check(value === undefined || agent === undefined, "fetch", "left out beside agent", value);
  },
  log: (value = warn) => check(typeof value === "function", "log", "a function", value),
  onRefused: (value) => check(value === undefined || typeof value === "function", "onRefused", "a function", value),
};

/** Checks options and fills in what they leave out. */
function parseOptions(given) {
  checkKeys("options", given, Object.keys(PARSERS));
  const read = (name) => PARSERS[name](given[name], given);
  return Object.freeze(Object.fromEntries(Object.keys(PARSERS).map((name) => [name, read(name)])));
}

/** Scopes as a list, from a list or from a text with spaces between them (RFC 6749 §3.3). */
function parseScope(value = []) {
  const scopes = typeof value === "string" ? value.split(" ").filter((scope) => scope !== "") : value;
  const isScope = (scope) => typeof scope === "string" && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope);
  check(Array.isArray(scopes) && scopes.every(isScope), "scope", "a text or a list of scopes", value);
  return Object.freeze([...scopes]);
}

/** What one route needs beside what the guard asks of all. */
function parseRequirements(needs = {}) {
  checkKeys("needs", needs, ["scope"]);
  return parseScope(needs.scope);
}

/** For how many seconds the list may be behind; `null` when it is not looked at. */
function parseRevocations(value, { dangerouslyIgnoreRevocations }) {
  if (dangerouslyIgnoreRevocations) {
    check(value === undefined, "revocations", "left out beside dangerouslyIgnoreRevocations", value);
    return null;
  }
  checkKeys("revocations", value ?? {}, ["stale"]);
  const stale = value?.stale ?? DEFAULT_STALE;
  checkKeys("revocations.stale", stale, ["policy", "for"]);
  const isRefuse = stale.policy === "refuse" && stale.for === undefined;
  const isServe = stale.policy === "serve" && isWithin(stale.for, staleAfter, longestServedStale);
  const expected = `{ policy: "refuse" } or { policy: "serve", for: SECONDS }, ${staleAfter} to ${longestServedStale}`;
  check(isRefuse || isServe, "revocations.stale", expected, stale);
  return isRefuse ? staleAfter : stale.for;
}

/** A text with digits is no number: `JSON.parse` or an environment variable may have left one. */
function isWithin(value, least, most) {
  return typeof value === "number" && value >= least && value <= most;
}

function isAlgorithms(value) {
  return Array.isArray(value) && value.length > 0 && value.every((name) => ALGORITHMS.includes(name));
}

/** It becomes the `realm` of a challenge, so it must fit between quotes. */
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
  throw new TypeError(`\`${name}\` has no \`${unknown}\`; it has ${known.join(", ")}`);
}

function check(isValid, name, expected, value) {
  if (isValid) return value;
  throw new TypeError(`\`${name}\` must be ${expected}, and is ${JSON.stringify(value)}`);
}

module.exports = { ALGORITHMS, parseRequirements, parseOptions };
