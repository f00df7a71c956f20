"use strict";
// Reads the access token of a request from its one Authorization header (RFC 6750 §2.1), and from no other place.

const { Refusal } = require("./refusal.js");

/** The scheme ignores case (RFC 9110 §11.1). */
const BEARER = /^bearer(?: |$)/i;
/** Two headers that a framework joined with a comma, where the first one has another scheme. */
const JOINED = /,\s*bearer(?: |$)/i;
/** `b64token` of RFC 6750 §2.1, after one or more spaces. */
const CREDENTIALS = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** Hono needs three: its context holds its request, which holds the Fetch request. */
const MAX_LAYERS = 4;

/**
 * Returns the token of a Node request, a Fetch request, or a framework's wrapper of either. Throws a `Refusal` if there is no
 * token (`no_token`), a malformed one, or more than one header.
 */
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
 * Returns the token that a legacy client sends: the whole header, or what follows the scheme Bearer. The syntax of the token
 * is not checked here.
 */
function readBareOrBearerToken(request) {
  const authorization = authorizationOf(request);
  const token = typeof authorization === "string" ? authorization.replace(/^bearer(?: +|$)/i, "").trim() : "";
  if (token === "") throw new Refusal("no_token");
  return token;
}

/**
 * Returns the header's value in the outermost layer. Node keeps the first of several headers, while a proxy in front may have
 * checked the last one. A request is therefore rejected if any layer shows several.
 */
function authorizationOf(request) {
  const layers = layersOf(request);
  if (layers.length === 0) throw new TypeError("the request has no headers");
  if (layers.some((layer) => countLines(layer) > 1)) throw new Refusal("repeated_authorization");
  const values = layers.map(({ headers }) => valuesIn(headers));
  if (values.some(({ length }) => length > 1)) throw new Refusal("repeated_authorization");
  return values[0][0];
}

/** The request and the requests that it wraps, outermost first. Fastify and Hono name the inner one `raw`, Koa `req`. */
function layersOf(request) {
  const layers = [];
  for (let layer = request, depth = 0; isObject(layer) && depth < MAX_LAYERS; depth += 1) {
    if (isObject(layer.headers)) layers.push(layer);
    layer = layer.raw ?? layer.req;
  }
  return layers;
}

/** How often a layer shows the header. `rawHeaders` alternates names and values. */
function countLines({ rawHeaders, headersDistinct, multiValueHeaders }) {
  if (Array.isArray(rawHeaders)) {
    return rawHeaders.filter((name, index) => index % 2 === 0 && isAuthorization(name)).length;
  }
  return Math.max(...[headersDistinct, multiValueHeaders].map((headers) => valuesIn(headers ?? {}).length));
}

/** The header's values in a Fetch `Headers` object, which joins several with a comma, or in a plain object. */
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
