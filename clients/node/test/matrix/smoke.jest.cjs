"use strict";
// Runs the scenario under Jest, whose runtime has its own module loader for CommonJS.

const { scenario } = require("./scenario.cjs");

test("the package works", async () => {
  const outcomes = await scenario(require("countersign"), JSON.parse(process.env.SCENARIO));
  expect(outcomes).toEqual(JSON.parse(process.env.EXPECTED));
});
