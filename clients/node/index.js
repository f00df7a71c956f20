"use strict";
// The entry point for `require`. index.mjs exports the same objects for `import`, so that a process with both kinds of modules
// has one stream for each issuer.

const { Guard, claimsOf } = require("./src/guard.js");
const { Refusal } = require("./src/refusal.js");

const createGuard = (options) => new Guard(options);

/** Returns the guard's middleware, with the guard as its property `guard`. */
const requireToken = (options) => {
  const guard = createGuard(options);
  return Object.assign(guard.middleware(), { guard });
};

module.exports = { claimsOf, createGuard, requireToken, Refusal };
