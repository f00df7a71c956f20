"use strict";
// Session ids as the server writes them: UUIDs of version 7 in lower case with hyphens. They begin with the
// time, so comparing their texts compares when sessions began.

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function isSessionId(value) {
  return typeof value === "string" && FORM.test(value);
}

/** The 128 bits as four numbers. */
function words(sid) {
  const hex = sid.replaceAll("-", "");
  return [0, 8, 16, 24].map((at) => Number.parseInt(hex.slice(at, at + 8), 16));
}

module.exports = { isSessionId, words };
