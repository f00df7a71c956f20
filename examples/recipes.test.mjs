// Tests every recipe with tokens from real servers. README.md says how to run the tests.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { accessToken, accessTokenOfAnotherKey, introspect, signOut } from "./harness/countersign.mjs";
import { freePort } from "./harness/process.mjs";
import { directoriesWithoutRecipe, install, recipes, start } from "./harness/recipes.mjs";
import * as tokens from "./harness/tokens.mjs";
import { AUDIENCE, World } from "./harness/world.mjs";

const KNOWN_WITHIN = 10_000;

const chosen = recipes();
const running = new Map();
const spent = new Map(chosen.map(({ name }) => [name, { cases: 0, milliseconds: 0 }]));
const real = new World();

before(() => real.create());

after(async () => {
  await Promise.all([...running.values()].map(({ program }) => program.stop()));
  await real.remove();
});

const bearer = (token, scheme = "Bearer") => ({ headers: { Authorization: `${scheme} ${token}` } });

async function ask(name, { headers, query = "" }) {
  const recipe = running.get(name);
  assert.ok(recipe, "the recipe did not start");
  const since = performance.now();
  const answer = await fetch(recipe.url + query, { headers, signal: AbortSignal.timeout(20_000) });
  const text = await answer.text();
  const sums = spent.get(name);
  sums.cases += 1;
  sums.milliseconds += performance.now() - since;
  return { status: answer.status, challenge: answer.headers.get("WWW-Authenticate"), text };
}

async function isAccepted(name, token, request = bearer(token)) {
  const { status, text } = await ask(name, request);
  assert.equal(status, 200, text);
  const { message, user } = JSON.parse(text);
  assert.equal(message, "This is a protected route");
  // Spring returns times as strings and the audience as a list.
  const { exp, iat, aud, ...issued } = tokens.claims(token);
  const { exp: theirExp, iat: theirIat, aud: theirAud, ...shown } = user;
  assert.deepEqual(shown, issued);
  assert.deepEqual([theirAud].flat(), [aud]);
}

async function isRefused(name, request) {
  const { status, challenge, text } = await ask(name, request);
  const { malformed, notBearer = malformed } = running.get(name);
  const isBearer = /^bearer/i.test(request.headers.Authorization ?? "");
  assert.equal(status, !request.malformed ? 401 : isBearer ? malformed : notBearer, text);
  assert.match(challenge ?? "", /^bearer/i, "a rejection names the scheme");
}

async function eventually(check) {
  const until = Date.now() + KNOWN_WITHIN;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await sleep(100);
    }
  }
}

/** One test for each recipe, with one subtest for each case. */
function forEachRecipe(title, cases, hooks = () => {}) {
  describe(title, () => {
    hooks();
    for (const { name } of chosen) {
      test(name, async (t) => {
        for (const [sentence, check] of cases(name)) await t.test(sentence, check);
      });
    }
  });
}

const refusals = (name, list) =>
  list.map((each) => [each.name, () => isRefused(name, each.headers ? each : bearer(each.token))]);

describe("the tokens of the tests", () => {
  test("the server's tokens are signed with a published key", () => {
    for (const token of [real.good, ...real.bad.map(({ token }) => token)]) {
      const [head, payload, signature] = token.split(".");
      const jwk = real.keySet.keys.find(({ kid }) => kid === tokens.header(token).kid);
      const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
      assert.ok(verify("sha256", Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, "base64url")));
    }
  });

  test("each invalid token differs from the valid one only in the named value", () => {
    const everything = (token) => {
      const { auth_time, iat, exp, jti, sid, ...rest } = { ...tokens.header(token), ...tokens.claims(token) };
      return rest;
    };
    const good = everything(real.good);
    for (const { token, differs } of real.bad) {
      const { [differs]: value, ...rest } = everything(token);
      const { [differs]: right, ...same } = good;
      assert.notEqual(value, right);
      assert.deepEqual(rest, same);
    }
  });

  test("the key set does not contain the other server's key", () => {
    assert.ok(!real.keySet.keys.some(({ kid }) => kid === tokens.header(real.strange).kid));
  });
});

describe("set-up", () => {
  test("every directory has an entry in the list of recipes", async () => {
    assert.deepEqual(await directoriesWithoutRecipe(), []);
  });

  for (const recipe of chosen) {
    test(`${recipe.name} installs and starts`, async (t) => {
      const worked = await install(recipe);
      if (worked) t.diagnostic("installed");
      running.set(recipe.name, await start(recipe, { issuer: real.server.url, audience: AUDIENCE }));
    });
  }
});

// This runs before any valid token, while no key is cached: tokens with invented key IDs must not prevent the fetch of the keys.
forEachRecipe("with invented key IDs", (name) => [
  ...refusals(name, tokens.withInventedKeyIds(real.good)),
  ["a valid token is still accepted", () => isAccepted(name, real.good)],
]);

forEachRecipe("accepts", (name) => [
  ["a valid token", () => isAccepted(name, real.good)],
  ["a valid token with the scheme in lower case", () => isAccepted(name, real.good, bearer(real.good, "bearer"))],
  [
    "a token that expires soon",
    async () => {
      real[name] = await accessToken(real.shortLived);
      await isAccepted(name, real[name]);
    },
  ],
]);

forEachRecipe("refuses", (name) => [
  ...refusals(name, tokens.requestsWithoutToken(real.good)),
  ...refusals(name, tokens.garbage(real.good, real.pair.refreshToken)),
  ...refusals(name, real.bad),
  ...refusals(name, tokens.tampered(real.good)),
  ...refusals(name, tokens.unsigned(real.good)),
  ...refusals(name, tokens.signedWithPublicKey(real.good, real.keySet)),
  ...refusals(name, real.forger.tokens),
  ["a token of another server, whose kid is unknown", () => isRefused(name, bearer(real.strange))],
  ["and fetches no keys from a URL in a token", () => assert.equal(real.forger.asked, 0)],
  ["and still accepts a valid token", () => isAccepted(name, real.good)],
]);

forEachRecipe(
  "after the signing key has rotated, accepts",
  (name) => [
    ["a token of the new key", () => isAccepted(name, real.fresh)],
    ["a token of the old key that has not expired", () => isAccepted(name, real.good)],
  ],
  () =>
    before(async () => {
      const oldKid = tokens.header(real.good).kid;
      await real.authority.command("key", "rotate", "--now");
      real.fresh = await accessTokenOfAnotherKey(real.server, oldKid, (token) => tokens.header(token).kid);
    }),
);

forEachRecipe(
  "while the server is down, accepts",
  (name) => [
    ["a token of the new key", () => isAccepted(name, real.fresh)],
    ["a token of the old key", () => isAccepted(name, real.good)],
  ],
  () => before(() => real.server.stop()),
);

forEachRecipe(
  "after the server has started again, accepts",
  (name) => [
    ["a new token", () => isAccepted(name, real.latest)],
    ["an earlier token", () => isAccepted(name, real.good)],
  ],
  () =>
    before(async () => {
      real.server = await real.authority.serve({}, real.server.port);
      real.latest = await accessToken(real.server);
    }),
);

describe("after the user has signed out", () => {
  before(() => signOut(real.server, real.pair));

  test("the server reports the token as inactive", async () => {
    const added = await real.authority.command("client", "add", "api", "--audience", AUDIENCE, "--json");
    const client = JSON.parse(added);
    assert.equal((await introspect(real.server, client, real.latest)).active, true);
    assert.deepEqual(await introspect(real.server, client, real.good), { active: false });
  });

  for (const { name, followsRevocations } of chosen) {
    test(followsRevocations ? `${name} soon rejects the token` : `${name} accepts the token until it expires`, async () => {
      if (followsRevocations) return eventually(() => isRefused(name, bearer(real.good)));
      await isAccepted(name, real.good);
    });
  }
});

forEachRecipe("finally, refuses", (name) => [
  [
    "an expired token",
    async () => {
      const { tolerance } = running.get(name);
      const refusedFrom = (tokens.claims(real[name]).exp + tolerance + 1) * 1000;
      await sleep(Math.max(0, refusedFrom - Date.now()));
      await isRefused(name, bearer(real[name]));
      await isAccepted(name, real.latest);
    },
  ],
]);

describe("if the key set was never reachable, results in", () => {
  for (const recipe of chosen) {
    test(`${recipe.name}: ${recipe.withoutKeys}`, async () => {
      const unreachable = `http://127.0.0.1:${await freePort()}`;
      const starts = start(recipe, { issuer: unreachable, audience: AUDIENCE });
      if (recipe.withoutKeys === "ends") return assert.rejects(starts, /ended before it was ready/);
      const { program, url } = await starts;
      const { status } = await fetch(url, bearer(real.latest));
      await program.stop();
      assert.equal(status, recipe.withoutKeys);
    });
  }
});

describe("after all tests", () => {
  for (const { name } of chosen) {
    test(`${name} is still running`, (t) => {
      assert.equal(running.get(name)?.program.ended, false);
      const { cases, milliseconds } = spent.get(name);
      t.diagnostic(`${name}: ${cases} requests answered in ${Math.round(milliseconds)} ms`);
    });
  }
});
