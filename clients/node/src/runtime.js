"use strict";
// What the library takes from outside: the time of day, chance, and its limits. Tests bring their own.

const limits = require("./limits.js");

module.exports = Object.freeze({
  /** Seconds since 1970. */
  now: () => Math.floor(Date.now() / 1000),
  /** From 0 up to, not including, 1. */
  random: Math.random,
  limits,
});
