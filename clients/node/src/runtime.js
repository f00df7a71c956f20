"use strict";
// The clock, the random numbers and the limits that the package uses. Tests pass in others.

const limits = require("./limits.js");

module.exports = Object.freeze({
  /** Seconds since 1970. */
  now: () => Math.floor(Date.now() / 1000),
  /** At least 0 and less than 1. */
  random: Math.random,
  limits,
});
