// How a guard sends requests to the server: with node:http, with an agent, or with a `fetch` function of the program.
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { FakeIssuer } from "./support/fake-issuer.mjs";
import { createTestGuard, fastRuntime, waitUntil } from "./support/api.mjs";
import { createSession, isRevoked, waitUntilCaughtUp } from "./support/following.mjs";

/** Starts an issuer that serves the list for polling as well as the stream. */
async function startIssuer(t) {
  const issuer = await FakeIssuer.start({ servesList: true });
  t.after(() => issuer.stop().catch(() => {}));
  return issuer;
}

/** A `fetch` that records its requests. */
function recordingFetch() {
  const requests = [];
  const recorded = (url, init) => {
    requests.push({ path: new URL(url).pathname, ...init });
    return fetch(url, init);
  };
  return { requests, fetch: recorded };
}

const overloaded = (request, response) => response.writeHead(503).end();

test("a fetch function sends every request: keys, stream and list", async (t) => {
  const issuer = await startIssuer(t);
  const { requests, fetch } = recordingFetch();
  const guard = createTestGuard(t, issuer, { fetch, runtime: fastRuntime({ listInterval: 20 }) });
  await guard.ready();
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
  const { sid, token } = await createSession(issuer);
  await issuer.revoke({ sid });
  await waitUntilCaughtUp(issuer, guard);
  assert.ok(await isRevoked(guard, token));
  issuer.streamHandler = overloaded;
  issuer.dropConnections();
  await waitUntil(() => issuer.listRequests.length >= 2);
  guard.close();
  const total = issuer.keyRequests + issuer.streamRequests.length + issuer.listRequests.length;
  assert.ok(requests.length >= total, `${requests.length} of ${total}`);
  const paths = new Set(requests.map(({ path }) => path));
  assert.deepEqual(paths, new Set(["/.well-known/jwks.json", "/revocations/stream", "/revocations"]));
  for (const { headers, redirect, cache, signal } of requests) {
    assert.deepEqual([headers["accept-encoding"], redirect, cache], ["identity", "manual", "no-store"]);
    assert.ok(signal instanceof AbortSignal);
  }
});

test("close() ends the stream of a fetch function", async (t) => {
  const issuer = await startIssuer(t);
  const guard = createTestGuard(t, issuer, { fetch });
  await guard.ready();
  assert.equal(issuer.streams.size, 1);
  guard.close();
  await waitUntil(() => issuer.streams.size === 0);
});

test("an agent opens every connection", async (t) => {
  const issuer = await startIssuer(t);
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

test("guards with different agents or fetch functions share nothing", async (t) => {
  const issuer = await startIssuer(t);
  const agent = new Agent();
  const all = [{}, {}, { agent }, { agent }, { agent: new Agent() }, { fetch }, { fetch }].map((options) =>
    createTestGuard(t, issuer, options),
  );
  await Promise.all(all.map((guard) => guard.ready()));
  assert.deepEqual([issuer.keyRequests, issuer.streamRequests.length], [4, 4]);
});

test("a fetch function does not follow redirects", async (t) => {
  const issuer = await startIssuer(t);
  issuer.keysHandler = (_, response) => response.writeHead(302, { location: `${issuer.url}/elsewhere` }).end();
  const guard = createTestGuard(t, issuer, { fetch, dangerouslyIgnoreRevocations: true });
  await waitUntil(() => guard.status().keys.error?.includes("302"));
});

test("an error names the reason, with node:http and with a fetch function", async (t) => {
  const issuer = await startIssuer(t);
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

// The error for a name with several addresses has an empty message; the reasons are in its `errors`.
test("an error for several addresses names the reason of each", async (t) => {
  const issuer = await startIssuer(t);
  const parts = [new Error("connect ECONNREFUSED ::1:80"), new Error("connect ECONNREFUSED 127.0.0.1:80")];
  const several = async () => {
    throw Object.assign(new TypeError("fetch failed"), { cause: new AggregateError(parts) });
  };
  const guard = createTestGuard(t, issuer, { fetch: several, dangerouslyIgnoreRevocations: true });
  await waitUntil(() => guard.status().keys.error !== undefined);
  assert.match(guard.status().keys.error, /reached: connect ECONNREFUSED ::1:80, connect ECONNREFUSED 127\.0\.0\.1:80$/);
});

// RFC 9110 §12.5.3: a server may still encode the response. The error must then name the encoding and not invalid JSON.
test("every request excludes content encodings, and the error for an encoded response names the encoding", async (t) => {
  const issuer = await startIssuer(t);
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
  assert.match(guard.status().keys.error, /jwks\.json responded with the content encoding gzip/);
  assert.match(guard.status().revocations.error, /stream responded with the content encoding br/);
});

test("the error names what is wrong with the response of a fetch function", async (t) => {
  const issuer = await startIssuer(t);
  const responses = [
    [() => new Response(null), /jwks\.json: the text is not valid JSON/],
    [() => new Response(null, { status: 204 }), /jwks\.json responded with 204/],
    [() => new Response("x".repeat(200_000)), /jwks\.json responded with more than/],
  ];
  for (const [respond, reason] of responses) {
    const guard = createTestGuard(t, issuer, { fetch: async () => respond(), dangerouslyIgnoreRevocations: true });
    await waitUntil(() => guard.status().keys.error !== undefined);
    assert.match(guard.status().keys.error, reason);
  }
});

test("a response that a fetch function has decoded is accepted", async (t) => {
  const issuer = await startIssuer(t);
  const set = gzipSync(JSON.stringify({ keys: [issuer.active.jwk] }));
  issuer.keysHandler = (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(set);
  const guard = createTestGuard(t, issuer, { fetch, dangerouslyIgnoreRevocations: true });
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
});
