"use strict";
// The same package under another name. Importing this name declares the type of `req.auth` in Express (express.d.ts).

module.exports = require("./index.js");
