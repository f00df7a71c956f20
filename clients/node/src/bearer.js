"use strict";
// The token in a request (RFC 6750 §2.1): in exactly one Authorization header, nowhere else.

const { Refusal } = require("./refusal.js");

/** The scheme ignores case (RFC 9110 §11.1). */
const BEARER = /^bearer(?: |$)/i;
/** `b64token` of RFC 6750 §2.1, after one or more spaces. */
const CREDENTIALS = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** Finds the token in a request of Node or of Fetch. */
function bearerToken(request) {
  const authorization = authorizationOf(request);
  if (typeof authorization !== "string" || !BEARER.test(authorization)) throw new Refusal("no_token");
  const token = CREDENTIALS.exec(authorization)?.[1];
  if (token === undefined) throw new Refusal("malformed_authorization");
  return token;
}

function authorizationOf(request) {
  // Fetch joins repeated headers with a comma, which no token has.
  if (typeof request.headers.get === "function") return request.headers.get("authorization");
  // Node keeps the first of several, while a proxy in front may have looked at the last.
  const names = (request.rawHeaders ?? []).filter((_, index) => index % 2 === 0);
  const repeated = names.filter((name) => name.toLowerCase() === "authorization").length > 1;
  if (repeated) throw new Refusal("repeated_authorization");
  return request.headers.authorization;
}

module.exports = { bearerToken };
