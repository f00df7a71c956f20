"use strict";
// From a text that a stranger sent to claims that can be believed. One sequence without switches, for access
// tokens and for pieces of the revocation list alike; jose does the work.

const jose = require("./jose.js");
const { Refusal } = require("./refusal.js");

const CODES = {
  ERR_JOSE_ALG_NOT_ALLOWED: "wrong_algorithm",
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "bad_signature",
  ERR_JWT_EXPIRED: "expired",
};
const CODES_BY_CLAIM = {
  iss: "wrong_issuer",
  aud: "wrong_audience",
  typ: "wrong_type",
  nbf: "not_yet_valid",
};

/** Verifies signature, type, issuer, audience and times; `expected` has jose's names. */
async function verifyJwt(text, expected, { keys, world }) {
  const { jwtVerify } = await jose;
  const now = world.now();
  const { clockTolerance } = world.limits;
  const options = { ...expected, currentDate: new Date(now * 1000), clockTolerance };
  const { payload } = await jwtVerify(text, (header) => keys.find(header), options).catch((error) => {
    throw refusalFor(error);
  });
  // jose looks at `exp` and `nbf` alone, and takes infinity (`1e400`) for a number.
  const times = ["exp", "iat", "nbf"].map((name) => payload[name]).filter((time) => time !== undefined);
  if (!times.every(Number.isFinite)) throw new Refusal("bad_claim");
  if (payload.iat > now + clockTolerance) throw new Refusal("not_yet_valid");
  return payload;
}

/** jose's errors carry the claims, which a log must not have; so they end here. */
function refusalFor(error) {
  if (error instanceof Refusal) return error;
  if (error.code === "ERR_JWT_CLAIM_VALIDATION_FAILED") {
    const isOther = error.reason === "check_failed";
    return new Refusal((isOther && CODES_BY_CLAIM[error.claim]) || "bad_claim");
  }
  return new Refusal(CODES[error.code] ?? "malformed");
}

module.exports = { verifyJwt };
