// The options of a guard: defaults, errors, and the delays that depend on the limits.
import assert from "node:assert/strict";
import { globalAgent } from "node:http";
import { test } from "node:test";
import { createGuard, requireToken } from "../index.mjs";
import { parseOptions, parseRequirements } from "../src/options.js";
import { parseRetryAfter, retryDelay } from "../src/retry-delay.js";
import defaultRuntime from "../src/runtime.js";

const VALID = { issuer: "https://id.example", audience: "https://api.example" };

test("omitted options have safe defaults", () => {
  const { log, ...others } = parseOptions(VALID);
  assert.equal(typeof log, "function");
  assert.deepEqual(others, {
    ...VALID,
    server: "https://id.example",
    scope: [],
    tokenType: "at+jwt",
    algorithms: ["ES256", "RS256", "PS256", "EdDSA"],
    leeway: 5,
    legacyClients: false,
    dangerouslyIgnoreRevocations: false,
    revocations: 60,
    agent: undefined,
    fetch: undefined,
    onRefused: undefined,
  });
});

test("accepts the issuers that the server accepts", () => {
  for (const issuer of ["https://id.example/tenant", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:1"]) {
    assert.equal(parseOptions({ ...VALID, issuer }).issuer, issuer);
  }
});

test("a wrong value throws a TypeError that names the option", () => {
  const wrong = {
    issuer: [undefined, "", "id.example", "https://id.example/", "http://id.example", "https://a@id.example", 1],
    audience: [undefined, "", ["https://api.example"], 'a"b', "a\nb", "ü"],
    server: ["", "countersign:3000", "http://countersign/", "ftp://countersign", null],
    scope: [1, [1], [""], ['a"'], ["a b"], {}],
    tokenType: ["jwt", "any", null, false],
    algorithms: [[], ["HS256"], ["none"], "ES256", null, ["ES256", "HS256"]],
    legacyClients: [1, "true", null],
    leeway: [-1, 60.5, Number.NaN, Infinity, "5", null],
    dangerouslyIgnoreRevocations: [1, "true", null],
    revocations: [
      false,
      "off",
      { off: true },
      { stale: "refuse" },
      { stale: { policy: "serve" } },
      { stale: { policy: "serve", for: 14 } },
      { stale: { policy: "serve", for: 3_601 } },
      { stale: { policy: "serve", for: Number.NaN } },
      { stale: { policy: "serve", for: "60" } },
      { stale: { policy: "refuse", for: 60 } },
      { stale: { policy: "ignore" } },
    ],
    agent: [false, {}, "http://proxy:3128", null],
    fetch: [true, "fetch", null],
    log: [false, "console", null],
    onRefused: ["console", null],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const parse = () => parseOptions({ ...VALID, [name]: value });
      assert.throws(
        parse,
        (error) => error instanceof TypeError && error.message.startsWith(`\`${name}`),
        `${name} ${value}`,
      );
    }
  }
});

test("rejects unknown options and contradictory pairs", () => {
  const unknown = /`options` does not accept `audiences`; it accepts issuer, audience/;
  assert.throws(() => parseOptions({ ...VALID, audiences: ["a"] }), unknown);
  assert.throws(() => parseOptions(undefined), /`options` must be an object/);
  assert.throws(() => parseRequirements({ scopes: "a" }), /`requirements` does not accept `scopes`/);
  assert.throws(() => parseRequirements("a"), /`requirements` must be an object/);
  const both = { ...VALID, revocations: {}, dangerouslyIgnoreRevocations: true };
  assert.throws(() => parseOptions(both), /`revocations` must be omitted if `dangerouslyIgnoreRevocations` is set/);
  assert.throws(() => parseOptions({ ...VALID, fetch, agent: globalAgent }), /`fetch` must be omitted if `agent` is set/);
});

test("both entry points throw a TypeError at once", () => {
  assert.throws(() => requireToken({ issuer: "https://id.example" }), TypeError);
  assert.throws(() => createGuard({ ...VALID, scope: 1 }), TypeError);
});

test("retry delays double from one second to thirty, and half is random", () => {
  const min = { ...defaultRuntime, random: () => 0 };
  const max = { ...defaultRuntime, random: () => 1 };
  const delays = (runtime) => [0, 1, 2, 3, 4, 5, 2_000].map((failures) => retryDelay(failures, runtime));
  assert.deepEqual(delays(min), [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  assert.deepEqual(delays(max), [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test("Retry-After is a number of seconds or a date, and at most half a minute", () => {
  const runtime = { ...defaultRuntime, now: () => 1_800_000_000 };
  const date = new Date(1_800_000_007_000).toUTCString();
  const headers = ["7", date, "86400", "0", "-1", "", "soon", new Date(0).toUTCString()];
  const waits = headers.map((header) => parseRetryAfter(header, runtime));
  assert.deepEqual(waits, [7_000, 7_000, 30_000, 0, 0, 0, 0, 0]);
});
