"use strict";
// One page of the revocation list: a JWT of the type `revocations+jwt` whose issuer is also its audience. The follower uses
// only what is inside the signature, and rejects a malformed page as a whole.

const { verifyJwt } = require("./jwt.js");
const { ALGORITHMS } = require("./options.js");
const { isSessionId } = require("./session-id.js");

/** Opaque visible ASCII, because the follower sends the cursor back in a header. */
const CURSOR = /^[\x21-\x7e]{1,256}$/;

/**
 * Verifies a page. `after` is the cursor that the page continues, or `null` at the start of the list; `cursor` is where the next
 * page continues; `more` says whether there is one. Throws if the page is not the issuer's, expired or malformed.
 */
async function verifyRevocationPage(text, issuer, { keys, runtime }) {
  const expected = {
    issuer,
    audience: issuer,
    algorithms: ALGORITHMS,
    typ: "revocations+jwt",
    leeway: runtime.limits.clockTolerance,
    requiredClaims: ["exp", "iat"],
  };
  const claims = await verifyJwt(text, expected, { keys, runtime }).catch(({ code, message }) => {
    const reason = code === "wrong_issuer" ? `its issuer is not ${issuer}` : message;
    throw new Error(`a page of the revocation list was rejected: ${reason}`);
  });
  const { iat, after, cursor, more, revocations } = claims;
  const isCursor = typeof cursor === "string" && CURSOR.test(cursor);
  const isList = Array.isArray(revocations) && revocations.every(isEntry);
  if (!isCursor || typeof more !== "boolean" || !isList) throw new Error("a page of the revocation list is malformed");
  return { iat, after, cursor, more, revocations };
}

function isEntry(entry) {
  const { exp, sid, up_to, except, sub, client_id } = entry ?? {};
  if (!Number.isSafeInteger(exp)) return false;
  if (sid !== undefined) return isSessionId(sid) && up_to === undefined;
  const isOptional = (text) => text === undefined || typeof text === "string";
  const hasOneOwner = isOptional(sub) && isOptional(client_id) && (sub === undefined || client_id === undefined);
  return isSessionId(up_to) && hasOneOwner && (except === undefined || isSessionId(except));
}

module.exports = { verifyRevocationPage };
