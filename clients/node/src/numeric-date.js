"use strict";
// NumericDate (RFC 7519 §2): seconds since 1970, which may have a fraction.

/** Larger numbers are not exact in every JSON implementation (RFC 8259 §6). Numbers in strings are rejected. */
function isNumericDate(value) {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

module.exports = { isNumericDate };
