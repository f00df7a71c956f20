"use strict";
// The compact form of a signed token (RFC 7515 §7.1): three parts of base64url with two dots, read as strictly as the
// Rust crates read them.

const { decodeBase64url } = require("./base64url.js");
const { Refusal } = require("./refusal.js");
const { parseStrictJson } = require("./strict-json.js");

/** Extensions, unencoded payloads (RFC 7797), compression and encryption: the server never needs them. */
const FORBIDDEN = ["crit", "b64", "zip", "enc"];

/** The header as an object; the payload, the signature and the bytes that it signs. Nothing is verified yet. */
function parseCompactJws(text, limits) {
  const parts = text.split(".").map(decodeBase64url);
  if (parts.length !== 3 || parts.includes(undefined)) throw new Refusal("malformed");
  const header = parseObject(parts[0], limits);
  if (FORBIDDEN.some((name) => Object.hasOwn(header, name))) throw new Refusal("malformed");
  const signed = Buffer.from(text.slice(0, text.lastIndexOf(".")));
  return { header, payload: parts[1], signed, signature: parts[2] };
}

/** The JSON object of a part. */
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
