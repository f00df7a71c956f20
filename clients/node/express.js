"use strict";
// The same package under another name, which types opt in with: `req.auth` has its type in Express.

module.exports = require("./index.js");
