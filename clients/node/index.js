"use strict";
// The whole package, for `require`; index.mjs hands the same to `import`, so that a process with both kinds of
// modules still follows each issuer once.

const { Guard, claimsOf } = require("./src/guard.js");
const { Refusal } = require("./src/refusal.js");

/** A guard before an API. */
const createGuard = (options) => new Guard(options);

/** A guard as one middleware. */
const requireToken = (options) => {
  const guard = createGuard(options);
  return Object.assign(guard.middleware(), { guard });
};

module.exports = { claimsOf, createGuard, requireToken, Refusal };
