"use strict";
// A program that ends by itself, whatever the proxy of its environment does.

const { createGuard } = require("countersign");

createGuard(JSON.parse(process.env.OPTIONS));
setTimeout(() => console.log("done"), 300);
