"use strict";
// The scenario with `require`. What it is about comes in the environment, because not every runner passes arguments on.

const countersign = require("countersign");
const { scenario } = require("./scenario.cjs");

scenario(countersign, JSON.parse(process.env.SCENARIO)).then((outcomes) => console.log(JSON.stringify(outcomes)));
