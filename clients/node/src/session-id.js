"use strict";
// Session ids: UUIDs of version 7 in lower case with hyphens (RFC 9562 §5.7). They begin with the time, so comparing two ids
// as strings compares when the sessions began.

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function isSessionId(value) {
  return typeof value === "string" && FORM.test(value);
}

/** The 128 bits as four numbers of 32 bits. */
function words(sid) {
  const hex = sid.replaceAll("-", "");
  return [0, 8, 16, 24].map((at) => Number.parseInt(hex.slice(at, at + 8), 16));
}

module.exports = { isSessionId, words };
