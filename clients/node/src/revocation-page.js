"use strict";
// One piece of the revocation list: a JWS of a type of its own, from the issuer to itself. Nothing about the
// list is believed that is not inside the signature, and a piece that is not understood is refused as a whole.

const { verifyJwt } = require("./jwt.js");
const { ALGORITHMS } = require("./options.js");
const { isSessionId } = require("./session-id.js");

/** Opaque, and sent back in a header. */
const CURSOR = /^[\x21-\x7e]{1,256}$/;

/** Verifies a piece: what it comes after, where the list goes on, and what is on it. */
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
    const reason = code === "wrong_issuer" ? `its issuer is another one than ${issuer}` : message;
    throw new Error(`a piece of the list is refused: ${reason}`);
  });
  const { iat, after, cursor, more, revocations } = claims;
  const isPlace = typeof cursor === "string" && CURSOR.test(cursor);
  const isList = Array.isArray(revocations) && revocations.every(isEntry);
  if (!isPlace || typeof more !== "boolean" || !isList) throw new Error("a piece of the list is not understood");
  return { iat, after, cursor, more, revocations };
}

function isEntry(entry) {
  const { exp, sid, up_to, except, sub, client_id } = entry ?? {};
  if (!Number.isSafeInteger(exp)) return false;
  if (sid !== undefined) return isSessionId(sid) && up_to === undefined;
  const isOptional = (text) => text === undefined || typeof text === "string";
  const isWhose = isOptional(sub) && isOptional(client_id) && (sub === undefined || client_id === undefined);
  return isSessionId(up_to) && isWhose && (except === undefined || isSessionId(except));
}

module.exports = { verifyRevocationPage };
