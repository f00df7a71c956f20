"use strict";
// How long to wait before asking a server again that did not answer.

/** Doubling, half of it by chance: the APIs that a server lost together do not come back together. */
function retryDelay(failures, { limits, random }) {
  const longest = Math.min(limits.longestRetryDelay, 2 * limits.shortestRetryDelay * 2 ** failures);
  return longest / 2 + (random() * longest) / 2;
}

/** Milliseconds that a `Retry-After` asks for (RFC 9110 §10.2.3): seconds or a date; 0 without sense. */
function parseRetryAfter(header = "", { limits, now }) {
  const seconds = /^\d+$/.test(header) ? Number(header) : Date.parse(header) / 1000 - now();
  return seconds > 0 ? Math.min(seconds * 1000, limits.longestRetryAfter) : 0;
}

module.exports = { retryDelay, parseRetryAfter };
