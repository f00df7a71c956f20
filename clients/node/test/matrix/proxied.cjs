"use strict";
// A program that must end by itself, even if the proxy in its environment does not respond.

const { createGuard } = require("countersign");

createGuard(JSON.parse(process.env.OPTIONS));
setTimeout(() => console.log("done"), 300);
