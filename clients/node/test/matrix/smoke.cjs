"use strict";
// Runs the scenario with `require`. Its input is in the environment, because not every runner passes arguments on.

const countersign = require("countersign");
const { scenario } = require("./scenario.cjs");

scenario(countersign, JSON.parse(process.env.SCENARIO)).then((outcomes) => console.log(JSON.stringify(outcomes)));
