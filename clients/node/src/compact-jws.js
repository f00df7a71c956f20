"use strict";
// The JWS compact serialization (RFC 7515 §7.1): three parts in base64url, separated by dots. The Rust crate
// countersign-token is equally strict.

const { decodeBase64url } = require("./base64url.js");
const { Refusal } = require("./refusal.js");
const { parseStrictJson } = require("./strict-json.js");

/** Header members for extensions, unencoded payloads (RFC 7797), compression and encryption. The server uses none. */
const FORBIDDEN = ["crit", "b64", "zip", "enc"];

/**
 * Parses a JWS into the header as an object, the bytes of payload and signature, and the signed bytes. Nothing is verified.
 * Throws the `Refusal` `malformed`.
 */
function parseCompactJws(text, limits) {
  const parts = text.split(".").map(decodeBase64url);
  if (parts.length !== 3 || parts.includes(undefined)) throw new Refusal("malformed");
  const header = parseObject(parts[0], limits);
  if (FORBIDDEN.some((name) => Object.hasOwn(header, name))) throw new Refusal("malformed");
  const signed = Buffer.from(text.slice(0, text.lastIndexOf(".")));
  return { header, payload: parts[1], signed, signature: parts[2] };
}

/** Parses a part that must be a JSON object. Throws the `Refusal` `malformed`. */
function parseObject(bytes, { jsonDepth }) {
  let value;
  try {
    value = parseStrictJson(bytes, jsonDepth);
  } catch {
    throw new Refusal("malformed");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refusal("malformed");
  return value;
}

module.exports = { parseCompactJws, parseObject };
