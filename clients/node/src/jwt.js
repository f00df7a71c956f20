"use strict";
// Verifies a JWT and returns its claims (RFC 7515 §5.2, RFC 7519 §7.2). Access tokens and the pages of the revocation list
// pass the same checks, and no option skips a check.

const { parseCompactJws, parseObject } = require("./compact-jws.js");
const { isNumericDate } = require("./numeric-date.js");
const { Refusal } = require("./refusal.js");
const { isSignatureValid } = require("./signature.js");

/** RFC 7515 §4.1.9: media types ignore case, and `application/` may be omitted. */
const MEDIA_TYPE_PREFIX = /^application\//i;

/** Verifies header, signature, issuer, audience and times against `expected`. Throws a `Refusal` that names the failed check. */
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

/** Required claims must be own properties, because `__proto__` is an ordinary name in JSON. */
function checkClaims(claims, { issuer, audience, requiredClaims }) {
  const isPresent = (name) => Object.hasOwn(claims, name);
  if (!["iss", "aud", ...requiredClaims].every(isPresent)) throw new Refusal("bad_claim");
  if (claims.iss !== issuer) throw new Refusal("wrong_issuer");
  if (![claims.aud].flat().includes(audience)) throw new Refusal("wrong_audience");
}

/**
 * Checks `exp`, which every caller requires, and `nbf` and `iat` if they are present. Fractions are dropped. Even without
 * leeway, `nbf` and `iat` may be `clockTolerance` ahead: the issuer may have signed the token just now, with its own clock.
 */
function checkTimes(claims, { leeway }, { now, limits }) {
  const time = now();
  const times = ["exp", "iat", "nbf"].filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]);
  if (!times.every(([, value]) => isNumericDate(value))) throw new Refusal("bad_claim");
  const { exp, iat = 0, nbf = 0 } = Object.fromEntries(times.map(([name, value]) => [name, Math.floor(value)]));
  if (time >= exp + leeway) throw new Refusal("expired");
  if (Math.max(iat, nbf) > time + Math.max(leeway, limits.clockTolerance)) throw new Refusal("not_yet_valid");
}

module.exports = { verifyJwt };
