// When the guard fetches the issuer's keys, and how it behaves while the server is unreachable.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeIssuer, signingKey } from "./support/fake-issuer.mjs";
import { bearerHeader, createTestGuard, fastRuntime, sendRequest, serve } from "./support/api.mjs";
import { serveBehindGuard, sleep, statusOf, waitUntil } from "./support/api.mjs";

/** These tests are only about keys. */
const dangerouslyIgnoreRevocations = true;

async function startIssuer(t, options) {
  const issuer = await FakeIssuer.start(options);
  t.after(() => issuer.stop().catch(() => {}));
  return issuer;
}

function keysGuard(t, issuer, limits) {
  return createTestGuard(t, issuer, { runtime: fastRuntime(limits), dangerouslyIgnoreRevocations });
}

/** Verifies many tokens, each with a different unknown `kid`. */
async function verifyRandomKids(guard, count) {
  const headerFor = (kid) => Buffer.from(JSON.stringify({ alg: "ES256", typ: "at+jwt", kid })).toString("base64url");
  const tokens = Array.from({ length: count }, () => `${headerFor(String(Math.random()))}.e30.AAAA`);
  await Promise.allSettled(tokens.map((token) => guard.verify(token)));
  assert.equal(guard.refused.length, count);
}

test("fetches keys at the start and not for each token", async (t) => {
  const issuer = await startIssuer(t);
  const guard = keysGuard(t, issuer);
  for (let count = 0; count < 20; count += 1) await guard.verify(await issuer.token());
  assert.equal(issuer.keyRequests, 1);
});

test("a token that arrives before the keys waits for them", async (t) => {
  const issuer = await startIssuer(t);
  const guard = keysGuard(t, issuer);
  const claims = await guard.verify(await issuer.token());
  assert.equal(claims.sub, "1");
});

// C9 and incident 52: with the default cool-down, the only request is the one at the start.
test("ten thousand tokens with unknown keys cause no request during the cool-down", async (t) => {
  const issuer = await startIssuer(t);
  const guard = keysGuard(t, issuer);
  await guard.ready();
  await verifyRandomKids(guard, 10_000);
  assert.equal(issuer.keyRequests, 1);
  assert.deepEqual(new Set(guard.refused), new Set(["unknown_key"]));
});

// C9 and incident 52
test("ten thousand tokens with unknown keys cause one request after the cool-down", async (t) => {
  const issuer = await startIssuer(t);
  const coolDown = 2_000;
  const guard = keysGuard(t, issuer, { keySetCoolDown: coolDown });
  await guard.ready();
  await sleep(coolDown);
  const start = performance.now();
  await verifyRandomKids(guard, 10_000);
  const coolDowns = Math.floor((performance.now() - start) / coolDown);
  assert.ok(issuer.keyRequests >= 2 && issuer.keyRequests <= 2 + coolDowns, String(issuer.keyRequests));
});

// C9 and incident 52
test("the cool-down also applies after an empty key set", async (t) => {
  const issuer = await startIssuer(t);
  issuer.keysHandler = (_, response) => response.end('{"keys":[]}');
  const guard = keysGuard(t, issuer, { shortestRetryDelay: 60_000, longestRetryDelay: 60_000 });
  await waitUntil(() => guard.status().keys.error !== undefined);
  await verifyRandomKids(guard, 10_000);
  assert.equal(issuer.keyRequests, 1);
  assert.deepEqual(new Set(guard.refused), new Set(["keys_unavailable"]));
});

// C9 and incident 52: the retry delay alone decides when the next request is sent.
test("tokens cause no requests while the server fails", async (t) => {
  const issuer = await startIssuer(t);
  issuer.keysHandler = (_, response) => response.writeHead(500).end();
  const guard = keysGuard(t, issuer, { shortestRetryDelay: 60_000, longestRetryDelay: 60_000 });
  await waitUntil(() => guard.status().keys.error !== undefined);
  await verifyRandomKids(guard, 10_000);
  assert.equal(issuer.keyRequests, 1);
  assert.deepEqual(new Set(guard.refused), new Set(["keys_unavailable"]));
});

// C9
test("tokens that arrive at the same time share one request", async (t) => {
  const issuer = await startIssuer(t);
  let release;
  issuer.keysHandler = (_, response) => {
    release = () => response.end(JSON.stringify({ keys: [issuer.active.jwk] }));
  };
  const guard = keysGuard(t, issuer, { keySetCoolDown: 0 });
  const token = await issuer.token();
  const verified = Promise.all(Array.from({ length: 100 }, () => guard.verify(token)));
  await waitUntil(() => release !== undefined);
  release();
  assert.equal((await verified).length, 100);
  assert.equal(issuer.keyRequests, 1);
});

// C10
test("responds with 503 until keys are known, and then accepts tokens", async (t) => {
  const issuer = await startIssuer(t);
  await issuer.stop();
  const guard = keysGuard(t, issuer);
  const url = await serveBehindGuard(t, guard);
  const token = await issuer.token();
  const { status, headers, text } = await sendRequest(url, bearerHeader(token));
  assert.deepEqual([status, headers["retry-after"], headers["www-authenticate"]], [503, "5", undefined]);
  assert.equal(text, '{"message":"Access tokens cannot be verified at the moment"}');
  assert.equal((await sendRequest(url)).status, 401);
  await issuer.listen();
  await waitUntil(async () => (await statusOf(url, token)) === 200);
});

// C9
test("known keys stay in use while the server is unreachable or sends invalid responses", async (t) => {
  const issuer = await startIssuer(t);
  const guard = keysGuard(t, issuer, { keySetInterval: 20, keySetCoolDown: 20 });
  await guard.ready();
  const token = await issuer.token();
  const invalidResponses = {
    "responded with 500": (response) => response.writeHead(500).end(),
    "responded with 302": (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
    "no `keys` array": (response) => response.end("{}"),
    "the text is not valid JSON": (response) => response.end("<html>"),
    "duplicate members": (response) => response.end(`{"keys":[],"keys":${JSON.stringify([issuer.active.jwk])}}`),
    "not valid JSON": (response) => response.end(`\ufeff${JSON.stringify({ keys: [issuer.active.jwk] })}`),
    "more than 64 levels": (response) => response.end(`{"keys":[],"x":${"[".repeat(64)}${"]".repeat(64)}}`),
    "not valid UTF-8": (response) => response.end(Buffer.from('{"keys":[],"x":"\xff"}', "latin1")),
    "unpaired surrogate": (response) => response.end('{"keys":[],"x":"\\ud83d"}'),
    "malformed x": (response) => {
      const { jwk } = issuer.active;
      return response.end(JSON.stringify({ keys: [{ ...jwk, x: `${jwk.x}=` }] }));
    },
    "more than 131072 bytes": (response) => response.end(`{"keys":[],"x":"${"x".repeat(200_000)}"}`),
    "no usable key": (response) => response.end('{"keys":[null]}'),
    "it is empty": (response) => response.end('{"keys":[]}'),
    "more than 100 keys": (response) => response.end(JSON.stringify({ keys: Array(101).fill({}) })),
    aborted: (response) => response.write("{", () => response.destroy()),
  };
  for (const [error, respond] of Object.entries(invalidResponses)) {
    issuer.keysHandler = (_, response) => respond(response);
    await waitUntil(() => guard.status().keys.error?.includes(error));
    assert.equal((await guard.verify(token)).sub, "1", error);
  }
  issuer.keysHandler = undefined;
  await waitUntil(() => guard.status().keys.error === undefined);
  await issuer.stop();
  await waitUntil(() => guard.status().keys.error?.includes("ECONNREFUSED"));
  assert.equal((await guard.verify(token)).sub, "1");
  assert.equal(guard.status().keys.known, 1);
});

// C9
test("requests to a failing server respect the cool-down after keys are known", async (t) => {
  const issuer = await startIssuer(t);
  const guard = keysGuard(t, issuer, { keySetInterval: 20, keySetCoolDown: 60_000 });
  await guard.ready();
  issuer.keysHandler = (_, response) => response.writeHead(500).end();
  await waitUntil(() => guard.status().keys.error !== undefined);
  const requestCount = issuer.keyRequests;
  await sleep(200);
  assert.equal(issuer.keyRequests, requestCount);
});

test("stops fetching keys when the last guard is closed", async (t) => {
  const issuer = await startIssuer(t);
  const guard = keysGuard(t, issuer, { keySetInterval: 20 });
  await waitUntil(() => issuer.keyRequests > 2);
  guard.close();
  await sleep(100);
  const requestCount = issuer.keyRequests;
  await sleep(100);
  assert.equal(issuer.keyRequests, requestCount);
});

test("aborts a request for keys after the timeout", async (t) => {
  const issuer = await startIssuer(t);
  issuer.keysHandler = (_, response) => response.writeHead(200).flushHeaders();
  const guard = keysGuard(t, issuer, { keySetTimeout: 50 });
  await waitUntil(() => guard.status().keys.error !== undefined);
  await assert.rejects(guard.verify(await issuer.token()), { code: "keys_unavailable" });
});

test("selects among keys with the same kid by the algorithm of the token, and then tries each", async (t) => {
  const sameKid = await Promise.all(["ES256", "RS256", "ES256"].map((alg) => signingKey("shared", alg)));
  const issuer = await startIssuer(t, { keys: sameKid });
  const guard = keysGuard(t, issuer);
  for (const key of sameKid) assert.equal((await guard.verify(await issuer.token({ key }))).sub, "1");
  assert.equal(guard.status().keys.known, 3);
  const unpublished = await signingKey("shared");
  await assert.rejects(guard.verify(await issuer.token({ key: unpublished })), { code: "bad_signature" });
  const other = await signingKey("shared", "EdDSA");
  await assert.rejects(guard.verify(await issuer.token({ key: other })), { code: "wrong_algorithm" });
  assert.equal(issuer.keyRequests, 1);
});

test("an unusable key does not affect the other keys", async (t) => {
  const issuer = await startIssuer(t);
  const { jwk } = issuer.active;
  const others = [null, [], "x", { ...jwk, kid: "malformed", x: "AA" }, { ...jwk, kid: "private", d: "AA" }];
  issuer.keysHandler = (_, response) => response.end(JSON.stringify({ keys: [...others, jwk, ...others] }));
  const guard = keysGuard(t, issuer);
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
  assert.deepEqual(guard.status().keys, { known: 1, error: undefined });
});

// C8
test("fetches a new key when the first token names it", async (t) => {
  const issuer = await startIssuer(t);
  const guard = keysGuard(t, issuer, { keySetCoolDown: 0 });
  await guard.ready();
  issuer.keys.push(await signingKey("second"));
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
  assert.equal((await guard.verify(await issuer.token({ key: issuer.keys[0] }))).sub, "1");
  assert.equal(issuer.keyRequests, 2);
});

test("rejects a key that is no longer published", async (t) => {
  const issuer = await startIssuer(t, { keys: [await signingKey("first"), await signingKey("second")] });
  const guard = keysGuard(t, issuer, { keySetInterval: 20 });
  const token = await issuer.token({ key: issuer.keys[0] });
  assert.equal((await guard.verify(token)).sub, "1");
  issuer.keys.shift();
  await waitUntil(() => guard.status().keys.known === 1);
  await assert.rejects(guard.verify(token), { code: "unknown_key" });
});

// C10
test("responds with 503 to an unknown key while the server is unreachable", async (t) => {
  const issuer = await startIssuer(t);
  const guard = keysGuard(t, issuer, { keySetCoolDown: 0 });
  await guard.ready();
  await issuer.stop();
  const key = await signingKey("second");
  await assert.rejects(guard.verify(await issuer.token({ key })), { code: "keys_unavailable", status: 503 });
});

test("does not follow redirects", async (t) => {
  const issuer = await startIssuer(t);
  let hits = 0;
  const elsewhere = await serve(t, (_, response) => {
    hits += 1;
    response.end(JSON.stringify({ keys: [issuer.active.jwk] }));
  });
  issuer.keysHandler = (_, response) => response.writeHead(302, { location: elsewhere }).end();
  const guard = keysGuard(t, issuer);
  await waitUntil(() => guard.status().keys.error?.includes("302"));
  await assert.rejects(guard.verify(await issuer.token()), { code: "keys_unavailable" });
  assert.equal(hits, 0);
});

test("`server` can differ from the issuer's address", async (t) => {
  const issuer = await startIssuer(t);
  const name = "https://id.example";
  const guard = createTestGuard(t, issuer, { issuer: name, server: issuer.url, dangerouslyIgnoreRevocations });
  assert.equal((await guard.verify(await issuer.token({ claims: { iss: name } }))).iss, name);
  await assert.rejects(guard.verify(await issuer.token()), { code: "wrong_issuer" });
});
