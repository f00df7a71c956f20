// How a guard reaches the server: by node:http, an agent, or a `fetch` of the program.
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { FakeIssuer } from "./support/fake-issuer.mjs";
import { createTestGuard, fastRuntime, waitUntil } from "./support/api.mjs";
import { createSession, isRevoked, waitUntilCaughtUp } from "./support/following.mjs";

/** An issuer that serves the list by polling as well. */
async function started(t) {
  const issuer = await FakeIssuer.start({ servesList: true });
  t.after(() => issuer.stop().catch(() => {}));
  return issuer;
}

/** A `fetch` that notes what it is asked for. */
function noting() {
  const asked = [];
  const noted = (url, init) => {
    asked.push({ path: new URL(url).pathname, ...init });
    return fetch(url, init);
  };
  return { asked, fetch: noted };
}

const full = (request, response) => response.writeHead(503).end();

test("a fetch of the program sends every request: keys, stream and list", async (t) => {
  const issuer = await started(t);
  const { asked, fetch } = noting();
  const guard = createTestGuard(t, issuer, { fetch, runtime: fastRuntime({ listInterval: 20 }) });
  await guard.ready();
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
  const { sid, token } = await createSession(issuer);
  await issuer.revoke({ sid });
  await waitUntilCaughtUp(issuer, guard);
  assert.ok(await isRevoked(guard, token));
  issuer.streamHandler = full;
  issuer.dropConnections();
  await waitUntil(() => issuer.listRequests.length >= 2);
  guard.close();
  const total = issuer.keyRequests + issuer.streamRequests.length + issuer.listRequests.length;
  assert.ok(asked.length >= total, `${asked.length} of ${total}`);
  const paths = new Set(asked.map(({ path }) => path));
  assert.deepEqual(paths, new Set(["/.well-known/jwks.json", "/revocations/stream", "/revocations"]));
  for (const { headers, redirect, cache, signal } of asked) {
    assert.deepEqual([headers["accept-encoding"], redirect, cache], ["identity", "manual", "no-store"]);
    assert.ok(signal instanceof AbortSignal);
  }
});

test("a closed guard ends the stream of its fetch", async (t) => {
  const issuer = await started(t);
  const guard = createTestGuard(t, issuer, { fetch });
  await guard.ready();
  assert.equal(issuer.streams.size, 1);
  guard.close();
  await waitUntil(() => issuer.streams.size === 0);
});

test("an agent of the program opens every connection", async (t) => {
  const issuer = await started(t);
  const agent = new Agent();
  let opened = 0;
  const createConnection = agent.createConnection.bind(agent);
  agent.createConnection = (...all) => {
    opened += 1;
    return createConnection(...all);
  };
  const guard = createTestGuard(t, issuer, { agent });
  await guard.ready();
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
  assert.equal(opened, issuer.keyRequests + issuer.streamRequests.length);
});

test("guards that reach an issuer in different ways share nothing", async (t) => {
  const issuer = await started(t);
  const agent = new Agent();
  const all = [{}, {}, { agent }, { agent }, { agent: new Agent() }, { fetch }, { fetch }].map((options) =>
    createTestGuard(t, issuer, options),
  );
  await Promise.all(all.map((guard) => guard.ready()));
  assert.deepEqual([issuer.keyRequests, issuer.streamRequests.length], [4, 4]);
});

test("redirects are not followed by a fetch of the program", async (t) => {
  const issuer = await started(t);
  issuer.keysHandler = (_, response) => response.writeHead(302, { location: `${issuer.url}/elsewhere` }).end();
  const guard = createTestGuard(t, issuer, { fetch, dangerouslyIgnoreRevocations: true });
  await waitUntil(() => guard.status().keys.error?.includes("302"));
});

test("an error says what the reason is, whichever way was taken", async (t) => {
  const issuer = await started(t);
  await issuer.stop();
  const failing = () => {
    throw new Error("no way out");
  };
  const reasons = [
    [{}, /\/jwks\.json cannot be reached: connect ECONNREFUSED 127/],
    [{ fetch }, /\/jwks\.json cannot be reached: connect ECONNREFUSED 127/],
    [{ fetch: failing }, /no way out/],
    [{ fetch: async () => failing() }, /\/jwks\.json cannot be reached: no way out/],
    [{ fetch: async () => undefined }, /./],
  ];
  for (const [options, reason] of reasons) {
    const guard = createTestGuard(t, issuer, { ...options, dangerouslyIgnoreRevocations: true });
    await waitUntil(() => guard.status().keys.error !== undefined);
    assert.match(guard.status().keys.error, reason);
  }
});

// A name with several addresses fails with an error that has no message of its own.
test("an error of several addresses says the reason of each", async (t) => {
  const issuer = await started(t);
  const parts = [new Error("connect ECONNREFUSED ::1:80"), new Error("connect ECONNREFUSED 127.0.0.1:80")];
  const several = async () => {
    throw Object.assign(new TypeError("fetch failed"), { cause: new AggregateError(parts) });
  };
  const guard = createTestGuard(t, issuer, { fetch: several, dangerouslyIgnoreRevocations: true });
  await waitUntil(() => guard.status().keys.error !== undefined);
  assert.match(guard.status().keys.error, /reached: connect ECONNREFUSED ::1:80, connect ECONNREFUSED 127\.0\.0\.1:80$/);
});

// RFC 9110 §12.5.3: an answer that is encoded all the same is refused as such, and not as broken JSON.
test("every request asks for no content encoding, and an encoded answer is named in the error", async (t) => {
  const issuer = await started(t);
  const encodings = [];
  const set = JSON.stringify({ keys: [issuer.active.jwk] });
  issuer.keysHandler = ({ headers }, response) => {
    encodings.push(headers["accept-encoding"]);
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(gzipSync(set));
  };
  issuer.streamHandler = issuer.listHandler = ({ headers }, response) => {
    encodings.push(headers["accept-encoding"]);
    response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "br" }).end("x");
  };
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime({ listInterval: 20 }) });
  await waitUntil(() => encodings.length >= 6);
  assert.deepEqual(new Set(encodings), new Set(["identity"]));
  assert.match(guard.status().keys.error, /jwks\.json answered with the content encoding gzip/);
  assert.match(guard.status().revocations.error, /stream answered with the content encoding br/);
});

test("a fetch of the program may answer with anything, and the reason says what was wrong", async (t) => {
  const issuer = await started(t);
  const answers = [
    [() => new Response(null), /jwks\.json: the text is not valid JSON/],
    [() => new Response(null, { status: 204 }), /jwks\.json answered 204/],
    [() => new Response("x".repeat(200_000)), /jwks\.json answered with more than/],
  ];
  for (const [answer, reason] of answers) {
    const guard = createTestGuard(t, issuer, { fetch: async () => answer(), dangerouslyIgnoreRevocations: true });
    await waitUntil(() => guard.status().keys.error !== undefined);
    assert.match(guard.status().keys.error, reason);
  }
});

test("a fetch of the program decodes what it gets", async (t) => {
  const issuer = await started(t);
  const set = gzipSync(JSON.stringify({ keys: [issuer.active.jwk] }));
  issuer.keysHandler = (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(set);
  const guard = createTestGuard(t, issuer, { fetch, dangerouslyIgnoreRevocations: true });
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
});
