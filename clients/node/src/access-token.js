"use strict";
// The checks that an API makes on an access token (RFC 9068 §4).

const { verifyJwt } = require("./jwt.js");
const { isNumericDate } = require("./numeric-date.js");
const { Refusal } = require("./refusal.js");
const { isSessionId } = require("./session-id.js");

const REQUIRED = ["exp", "iat", "sub", "client_id", "jti", "sid"];

/** Scope tokens of visible ASCII without quotes and backslashes, separated by one space (RFC 6749 §3.3). */
const SCOPE = /^(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?$/;

/** Control characters: a log or a program in another language may truncate a name at one. */
const CONTROL = /\p{Cc}/u;

/** Verifies a token and returns its claims, deeply frozen. Throws a `Refusal` that names the failed check. */
async function verifyAccessToken(token, options, { keys, runtime }) {
  // This check precedes splitting and decoding, so that a very long token costs almost nothing.
  if (token.length > runtime.limits.tokenLength) throw new Refusal("too_long");
  const { issuer, audience, algorithms, tokenType, leeway } = options;
  const expected = { issuer, audience, algorithms, typ: tokenType, leeway, requiredClaims: REQUIRED };
  const claims = await verifyJwt(token, expected, { keys, runtime });
  if (!isWellTyped(claims, runtime.limits)) throw new Refusal("bad_claim");
  return deepFreeze(claims);
}

/** A claim of the wrong JSON type is an error. It never counts as absent. */
function isWellTyped({ sub, client_id, jti, sid, aud, scope = "", auth_time = 0 }, { scopeLength }) {
  const isNonEmptyString = (text) => typeof text === "string" && text !== "" && !CONTROL.test(text);
  const isAudience = [aud].flat().every((one) => typeof one === "string");
  const isScope = typeof scope === "string" && scope.length <= scopeLength && SCOPE.test(scope);
  return [sub, client_id, jti].every(isNonEmptyString) && isSessionId(sid) && isAudience && isScope && isNumericDate(auth_time);
}

function deepFreeze(claims) {
  const pending = [claims];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value === "object" && value !== null) pending.push(...Object.values(Object.freeze(value)));
  }
  return claims;
}

module.exports = { verifyAccessToken };
