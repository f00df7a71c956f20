"use strict";
// A moment in a token: seconds since 1970, perhaps with a fraction (NumericDate, RFC 7519 §2).

/** Larger numbers are not exact in every JSON implementation (RFC 8259 §6). A wrong type is never a moment. */
function isNumericDate(value) {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

module.exports = { isNumericDate };
