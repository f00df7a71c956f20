"use strict";
// How long to wait before repeating a failed request.

/**
 * Milliseconds that double with each failure. Half is random, so that APIs that lost the server at the same time do not all
 * return at the same time.
 */
function retryDelay(failures, { limits, random }) {
  const longest = Math.min(limits.longestRetryDelay, 2 * limits.shortestRetryDelay * 2 ** failures);
  return longest / 2 + (random() * longest) / 2;
}

/** The milliseconds that `Retry-After` names, as seconds or as a date (RFC 9110 §10.2.3). 0 if it is absent or malformed. */
function parseRetryAfter(header = "", { limits, now }) {
  const seconds = /^\d+$/.test(header) ? Number(header) : Date.parse(header) / 1000 - now();
  return seconds > 0 ? Math.min(seconds * 1000, limits.longestRetryAfter) : 0;
}

module.exports = { parseRetryAfter, retryDelay };
