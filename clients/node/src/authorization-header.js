"use strict";
// The token in a request (RFC 6750 §2.1): in exactly one Authorization header, nowhere else.

const { Refusal } = require("./refusal.js");

/** The scheme ignores case (RFC 9110 §11.1). */
const BEARER = /^bearer(?: |$)/i;
/** The header was sent twice and joined with a comma: another scheme came first. */
const JOINED = /,\s*bearer(?: |$)/i;
/** `b64token` of RFC 6750 §2.1, after one or more spaces. */
const CREDENTIALS = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** More than any framework needs: Hono's context holds its request, which holds the one of Fetch. */
const MOST_LAYERS = 4;

/** Finds the token in a request of Node, of Fetch, or of a framework that wraps one of them. */
function readBearerToken(request) {
  const authorization = authorizationOf(request);
  if (typeof authorization !== "string") throw new Refusal("no_token");
  if (JOINED.test(authorization)) throw new Refusal("repeated_authorization");
  if (!BEARER.test(authorization)) throw new Refusal("no_token");
  const token = CREDENTIALS.exec(authorization)?.[1];
  if (token === undefined) throw new Refusal("malformed_authorization");
  return token;
}

/**
 * Finds the token as the Express tutorial's clients send it: the whole header, or what follows the scheme Bearer. Whether it
 * is a token at all shows when it is read.
 */
function readBareOrBearerToken(request) {
  const authorization = authorizationOf(request);
  const token = typeof authorization === "string" ? authorization.replace(/^bearer(?: +|$)/i, "").trim() : "";
  if (token === "") throw new Refusal("no_token");
  return token;
}

/**
 * The value of the header in the outermost layer. Node keeps the first of several and a proxy in front may have checked the
 * last, so a request with several is refused, in whichever layer they are still visible.
 */
function authorizationOf(request) {
  const layers = layersOf(request);
  if (layers.length === 0) throw new TypeError("the request has no headers");
  if (layers.some((layer) => countLines(layer) > 1)) throw new Refusal("repeated_authorization");
  const values = layers.map(({ headers }) => valuesIn(headers));
  if (values.some(({ length }) => length > 1)) throw new Refusal("repeated_authorization");
  return values[0][0];
}

/** The request and those that it wraps, outermost first. Fastify and Hono call the inner one `raw`, Koa `req`. */
function layersOf(request) {
  const layers = [];
  for (let layer = request, depth = 0; isObject(layer) && depth < MOST_LAYERS; depth += 1) {
    if (isObject(layer.headers)) layers.push(layer);
    layer = layer.raw ?? layer.req;
  }
  return layers;
}

/** How often the header was sent, as far as a layer tells: `rawHeaders` has names and values in turn. */
function countLines({ rawHeaders, headersDistinct, multiValueHeaders }) {
  if (Array.isArray(rawHeaders)) {
    return rawHeaders.filter((name, index) => index % 2 === 0 && isAuthorization(name)).length;
  }
  return Math.max(...[headersDistinct, multiValueHeaders].map((headers) => valuesIn(headers ?? {}).length));
}

/** The values in headers of Fetch, which joins several with a comma, or in a plain object. */
function valuesIn(headers) {
  if (typeof headers.get === "function") return [headers.get("authorization")].filter((value) => value !== null);
  const names = Object.keys(headers).filter(isAuthorization);
  return names.flatMap((name) => headers[name]).filter((value) => value !== undefined);
}

function isAuthorization(name) {
  return name.toLowerCase() === "authorization";
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

module.exports = { readBearerToken, readBareOrBearerToken };
