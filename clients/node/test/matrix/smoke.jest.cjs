"use strict";
// The scenario under Jest, whose runtime for CommonJS loads modules by itself.

const { scenario } = require("./scenario.cjs");

test("the package works", async () => {
  const outcomes = await scenario(require("countersign"), JSON.parse(process.env.SCENARIO));
  expect(outcomes).toEqual(JSON.parse(process.env.EXPECTED));
});
