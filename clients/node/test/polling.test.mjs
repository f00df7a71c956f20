// How a guard polls the revocation list while the stream fails or brings no recent page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestGuard, fastRuntime, sleep, waitUntil } from "./support/api.mjs";
import { FakeIssuer, seconds, sessionId } from "./support/fake-issuer.mjs";
import { createSession, isRevoked, startFollowing, waitUntilCaughtUp } from "./support/following.mjs";

const overloaded = (request, response) => response.writeHead(503, { "retry-after": "1" }).end();

const errorOf = (guard) => guard.status().revocations.error;

test("polls the list while the server refuses the stream", async (t) => {
  const options = { pageLength: 10, servesList: true, streamHandler: overloaded };
  const { issuer, guard } = await startFollowing(t, { ...options, limits: { listInterval: 20 } });
  const sessions = await Promise.all(Array.from({ length: 25 }, () => createSession(issuer)));
  for (const { sid } of sessions) await issuer.revoke({ sid });
  await guard.ready();
  assert.ok(await isRevoked(guard, sessions[24].token), "the last page of several");
  const { sid, token } = await createSession(issuer);
  assert.equal(await isRevoked(guard, token), false);
  await issuer.revoke({ sid });
  await waitUntil(() => isRevoked(guard, token));
  assert.ok(issuer.listRequests.includes(issuer.list[24].cursor), "polling continues at the cursor");
  // When the server accepts the stream again, polling stops.
  issuer.streamHandler = undefined;
  await waitUntil(() => errorOf(guard) === undefined);
  // A request may still be pending.
  await sleep(100);
  const requestCount = issuer.listRequests.length;
  await sleep(100);
  assert.equal(issuer.listRequests.length, requestCount);
});

test("a list that neither the stream nor polling brings has no age", async (t) => {
  const { guard } = await startFollowing(t, { servesList: false, streamHandler: overloaded });
  await sleep(50);
  assert.equal(guard.status().revocations.behind, null);
});

test("polls the list while the stream is silent", async (t) => {
  const limits = { pollAfterSilence: 50, listInterval: 20, streamTimeout: 60_000 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, isSilent: true, limits });
  await guard.ready();
  const { sid, token } = await createSession(issuer);
  await issuer.revoke({ sid });
  await waitUntil(() => isRevoked(guard, token));
  assert.deepEqual(issuer.streamRequests, [null], "the guard keeps the stream open");
});

test("polling continues while the guard reconnects a silent stream", async (t) => {
  const limits = { pollAfterSilence: 100, listInterval: 20, streamTimeout: 300 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, isSilent: true, limits });
  await guard.ready();
  await waitUntil(() => issuer.streamRequests.length >= 2);
  const requestCount = issuer.listRequests.length;
  await waitUntil(() => issuer.streamRequests.length >= 3);
  assert.ok(issuer.listRequests.length - requestCount >= 5, String(issuer.listRequests.length - requestCount));
});

test("a stream that resumes continues at its own cursor, whatever polling has brought", async (t) => {
  const limits = { pollAfterSilence: 1_000, listInterval: 20, streamTimeout: 60_000 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, heartbeat: 20, limits });
  await guard.ready();
  issuer.isSilent = true;
  const [first, later] = [await createSession(issuer), await createSession(issuer)];
  await issuer.revoke({ sid: first.sid });
  await waitUntil(() => isRevoked(guard, first.token));
  issuer.isSilent = false;
  await issuer.revoke({ sid: later.sid });
  await waitUntil(() => isRevoked(guard, later.token));
  await sleep(200);
  assert.deepEqual(issuer.streamRequests, [null]);
  const requestCount = issuer.listRequests.length;
  await sleep(200);
  assert.equal(issuer.listRequests.length, requestCount, "polling has stopped");
});

test("status() reports the stream's error while polling succeeds", async (t) => {
  const { guard } = await startFollowing(t, { servesList: true, streamHandler: overloaded, limits: { listInterval: 20 } });
  await guard.ready();
  assert.match(guard.status().revocations.error, /responded with 503/);
});

test("followers that lose the stream at the same time do not poll at the same time", async (t) => {
  const issuer = await FakeIssuer.start({ servesList: true });
  t.after(() => issuer.stop());
  const limits = { shortestRetryDelay: 4_000, longestRetryDelay: 60_000, listInterval: 60_000 };
  const guard = createTestGuard(t, issuer, { runtime: { ...fastRuntime(limits), random: () => 0.5 } });
  await guard.ready();
  issuer.streamHandler = overloaded;
  issuer.dropConnections();
  await sleep(250);
  assert.equal(issuer.listRequests.length, 0);
  await waitUntil(() => issuer.listRequests.length === 1, 10_000);
});

test("polling starts over after the server rejects the cursor", async (t) => {
  const { issuer, guard } = await startFollowing(t, { servesList: true, limits: { listInterval: 20 } });
  await issuer.revoke({ sid: sessionId() });
  await waitUntilCaughtUp(issuer, guard);
  issuer.streamHandler = overloaded;
  issuer.listHandler = (_, response) => {
    issuer.listHandler = undefined;
    response.writeHead(400).end();
  };
  const { cursor } = issuer;
  issuer.dropConnections();
  await waitUntil(() => issuer.listRequests.length >= 2);
  assert.deepEqual(issuer.listRequests.slice(0, 2), [cursor, null]);
});

test("rejects responses to polling that are not a page of the list", async (t) => {
  const as = (type) => ({ "content-type": type });
  const responses = {
    "another media type": async (response, text) => response.writeHead(200, as("text/plain")).end(text),
    "no media type": async (response, text) => response.writeHead(200).end(text),
    "a redirect": async (response) => response.writeHead(302, { location: "/revocations?" }).end(),
    "too much": async (response, text) =>
      response.writeHead(200, as("application/revocations+jwt")).end(text.padEnd(600_000)),
    "no body": async (response) => response.writeHead(200, as("application/revocations+jwt")).flushHeaders(),
  };
  for (const [name, respond] of Object.entries(responses)) {
    const limits = { listInterval: 20, listTimeout: 100 };
    const { issuer, guard } = await startFollowing(t, { servesList: true, streamHandler: overloaded, limits });
    issuer.listHandler = (_, response) => issuer.page(null).then(({ text }) => respond(response, text));
    await waitUntil(() => issuer.listRequests.length >= 3);
    assert.equal(guard.status().revocations.behind, null, name);
    issuer.listHandler = undefined;
    await guard.ready();
    guard.close();
  }
});

test("stops requesting pages when a cache returns the first page for every cursor", async (t) => {
  const { issuer, guard } = await startFollowing(t, { servesList: true, streamHandler: overloaded, pageLength: 1 });
  for (const sid of [sessionId(), sessionId()]) await issuer.revoke({ sid });
  const { text } = await issuer.page(null);
  issuer.listHandler = (_, response) =>
    response.writeHead(200, { "content-type": "application/revocations+jwt" }).end(text);
  await waitUntil(() => issuer.listRequests.length >= 2);
  await sleep(200);
  assert.equal(issuer.listRequests.length, 2);
  assert.equal(guard.status().revocations.behind, null);
});

test("polls the list while the stream brings old pages", async (t) => {
  const limits = { pollAfterSilence: 2_000, listInterval: 20, streamTimeout: 60_000 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, pageClaims: { iat: seconds() - 40 }, limits });
  issuer.listHandler = async (_, response) => {
    const { text } = await issuer.page(issuer.listRequests.at(-1), {});
    response.writeHead(200, { "content-type": "application/revocations+jwt" }).end(text);
  };
  await guard.ready();
  assert.ok(guard.status().revocations.behind >= 39, "the guard stores old pages");
  await waitUntil(() => guard.status().revocations.behind <= 2);
  await waitUntil(() => issuer.listRequests.length >= 10);
  assert.equal(issuer.streamRequests.length, 1, "the guard keeps the stream open");
  issuer.pageClaims = {};
  await sleep(200);
  const requestCount = issuer.listRequests.length;
  await sleep(200);
  assert.equal(issuer.listRequests.length, requestCount, "polling has stopped");
});

test("stops requesting pages when two servers with separate lists respond in turn", async (t) => {
  const issuer = await FakeIssuer.start({ pageLength: 10, streamHandler: overloaded, servesList: true });
  t.after(() => issuer.stop());
  const lists = [1, 2].map((server) =>
    Array.from({ length: 30 }, (_, at) => ({
      cursor: `${at + 1}-00000000000${server}`,
      entry: { sid: sessionId(), exp: seconds() + 960 },
    })),
  );
  issuer.listHandler = async (_, response) => {
    issuer.list = lists[issuer.listRequests.length % 2];
    const { text } = await issuer.page(issuer.listRequests.at(-1));
    response.writeHead(200, { "content-type": "application/revocations+jwt" }).end(text);
  };
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime() });
  const expected = /503; the revocation list cannot be fetched: its pages do not continue from each other$/;
  await waitUntil(() => expected.test(errorOf(guard)));
  await sleep(200);
  assert.equal(issuer.listRequests.length, 2);
  assert.equal(guard.status().revocations.behind, null);
});

test("status() reports why polling fails until it succeeds", async (t) => {
  const options = { servesList: true, streamHandler: overloaded, limits: { listInterval: 20 } };
  const { issuer, guard } = await startFollowing(t, options);
  issuer.listHandler = (_, response) => response.writeHead(502).end();
  await waitUntil(() => /stream responded with 503; .*\/revocations responded with 502$/.test(errorOf(guard)));
  issuer.listHandler = undefined;
  await waitUntil(() => /stream responded with 503$/.test(errorOf(guard)));
  issuer.streamHandler = undefined;
  await waitUntil(() => errorOf(guard) === undefined);
});

test("status() reports no error for a silent stream while polling succeeds", async (t) => {
  const limits = { pollAfterSilence: 50, listInterval: 20, streamTimeout: 60_000 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, isSilent: true, limits });
  await guard.ready();
  assert.equal(errorOf(guard), undefined);
  issuer.listHandler = (_, response) => response.writeHead(502).end();
  await waitUntil(() => /^the revocation list cannot be fetched: .* responded with 502$/.test(errorOf(guard)));
});

test("polling waits for Retry-After", async (t) => {
  const limits = { listInterval: 20 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, isSilent: true, limits });
  issuer.streamHandler = issuer.listHandler = overloaded;
  issuer.dropConnections();
  await waitUntil(() => issuer.listRequests.length === 1);
  await sleep(700);
  assert.equal(issuer.listRequests.length, 1);
  await waitUntil(() => issuer.listRequests.length > 1);
  assert.equal(guard.status().revocations.behind, null);
});

test("limits the Retry-After for which polling waits", async (t) => {
  const limits = { listInterval: 20, longestRetryAfter: 100 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, streamHandler: overloaded, limits });
  issuer.listHandler = (_, response) => response.writeHead(503, { "retry-after": "3600" }).end();
  await waitUntil(() => issuer.listRequests.length >= 2);
  issuer.listHandler = undefined;
  await guard.ready();
});
