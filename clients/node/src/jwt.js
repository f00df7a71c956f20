"use strict";
// From the text of an untrusted token to verified claims (RFC 7515 §5.2, RFC 7519 §7.2). Access tokens and pieces of
// the revocation list go through the same steps, and no option skips one.

const { parseCompactJws, parseObject } = require("./compact-jws.js");
const { isNumericDate } = require("./numeric-date.js");
const { Refusal } = require("./refusal.js");
const { isSignatureValid } = require("./signature.js");

/** RFC 7515 §4.1.9: media types ignore case, and `application/` may be left out. */
const MEDIA_TYPE_PREFIX = /^application\//i;

/** Verifies header, signature, issuer, audience and times. `expected` says what each must be. */
async function verifyJwt(text, expected, { keys, runtime }) {
  const { header, payload, signed, signature } = parseCompactJws(text, runtime.limits);
  checkHeader(header, expected);
  await verifySignature(await keys.find(header), signed, signature);
  const claims = parseObject(payload, runtime.limits);
  checkClaims(claims, expected);
  checkTimes(claims, expected, runtime);
  return claims;
}

async function verifySignature(keys, signed, signature) {
  for (const key of keys) if (await isSignatureValid(key, signed, signature)) return;
  throw new Refusal("bad_signature");
}

function checkHeader({ alg, kid, typ }, expected) {
  if (!expected.algorithms.includes(alg)) throw new Refusal("wrong_algorithm");
  if (typeof kid !== "string") throw new Refusal("unknown_key");
  if (!isType(typ, expected.typ)) throw new Refusal("wrong_type");
}

function isType(typ, expected) {
  return typeof typ === "string" && typ.replace(MEDIA_TYPE_PREFIX, "").toLowerCase() === expected.toLowerCase();
}

/** A required claim must be an own member: `__proto__` is an ordinary name in JSON. */
function checkClaims(claims, { issuer, audience, requiredClaims }) {
  const isThere = (name) => Object.hasOwn(claims, name);
  if (!["iss", "aud", ...requiredClaims].every(isThere)) throw new Refusal("bad_claim");
  if (claims.iss !== issuer) throw new Refusal("wrong_issuer");
  if (![claims.aud].flat().includes(audience)) throw new Refusal("wrong_audience");
}

/**
 * `exp` is required by every caller; `nbf` and `iat` are honoured when they are there. Fractions are dropped. Without
 * leeway `nbf` and `iat` may still be a little ahead, because the issuer signed the token a moment ago with its own clock.
 */
function checkTimes(claims, { leeway }, { now, limits }) {
  const moment = now();
  const times = ["exp", "iat", "nbf"].filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]);
  if (!times.every(([, time]) => isNumericDate(time))) throw new Refusal("bad_claim");
  const { exp, iat = 0, nbf = 0 } = Object.fromEntries(times.map(([name, time]) => [name, Math.floor(time)]));
  if (moment >= exp + leeway) throw new Refusal("expired");
  if (Math.max(iat, nbf) > moment + Math.max(leeway, limits.clockTolerance)) throw new Refusal("not_yet_valid");
}

module.exports = { verifyJwt };
