"use strict";
// Canonical base64url (RFC 7515 §2): no padding, and exactly one encoding for each value. `Buffer.from` alone also
// accepts padding, whitespace, the standard alphabet, and trailing bits that are not zero.

/** Returns the decoded bytes, or `undefined` if the text is not canonical base64url. */
function decodeBase64url(text) {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

module.exports = { decodeBase64url };
