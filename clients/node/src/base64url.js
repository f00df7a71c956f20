"use strict";
// Base64url as RFC 7515 §2 defines it: no padding, and one spelling for each value. `Buffer.from` alone also accepts
// padding, whitespace, the standard alphabet, and trailing bits that are not zero.

/** The bytes of a text, or `undefined` when the text is not their one spelling. */
function decodeBase64url(text) {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

module.exports = { decodeBase64url };
