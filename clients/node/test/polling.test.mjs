// The list of revocations asked for again and again, while the stream cannot be had or brings nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestGuard, fastRuntime, sleep, waitUntil } from "./support/api.mjs";
import { FakeIssuer, seconds, sessionId } from "./support/fake-issuer.mjs";
import { createSession, isRevoked, startFollowing, waitUntilCaughtUp } from "./support/following.mjs";

const full = (request, response) => response.writeHead(503, { "retry-after": "1" }).end();

const errorOf = (guard) => guard.status().revocations.error;

test("while the stream is refused, the list is asked for", async (t) => {
  const options = { pageLength: 10, servesList: true, streamHandler: full };
  const { issuer, guard } = await startFollowing(t, { ...options, limits: { listInterval: 20 } });
  const sessions = await Promise.all(Array.from({ length: 25 }, () => createSession(issuer)));
  for (const { sid } of sessions) await issuer.revoke({ sid });
  await guard.ready();
  assert.ok(await isRevoked(guard, sessions[24].token), "the last page of several");
  const { sid, token } = await createSession(issuer);
  assert.equal(await isRevoked(guard, token), false);
  await issuer.revoke({ sid });
  await waitUntil(() => isRevoked(guard, token));
  assert.ok(issuer.listRequests.includes(issuer.list[24].cursor), "it goes on where it stood");
  // When there is room again, the stream is followed and nobody asks any more.
  issuer.streamHandler = undefined;
  await waitUntil(() => errorOf(guard) === undefined);
  // A question may still be on its way.
  await sleep(100);
  const asked = issuer.listRequests.length;
  await sleep(100);
  assert.equal(issuer.listRequests.length, asked);
});

test("a list that cannot be had in any way counts as behind", async (t) => {
  const { guard } = await startFollowing(t, { servesList: false, streamHandler: full });
  await sleep(50);
  assert.equal(guard.status().revocations.behind, null);
});

test("while the stream is silent, the list is asked for as well", async (t) => {
  const limits = { pollAfterSilence: 50, listInterval: 20, streamTimeout: 60_000 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, isSilent: true, limits });
  await guard.ready();
  const { sid, token } = await createSession(issuer);
  await issuer.revoke({ sid });
  await waitUntil(() => isRevoked(guard, token));
  assert.deepEqual(issuer.streamRequests, [null], "the stream is not given up for it");
});

test("a stream that falls silent over and over leaves no gap between questions for the list", async (t) => {
  const limits = { pollAfterSilence: 100, listInterval: 20, streamTimeout: 300 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, isSilent: true, limits });
  await guard.ready();
  await waitUntil(() => issuer.streamRequests.length >= 2);
  const asked = issuer.listRequests.length;
  await waitUntil(() => issuer.streamRequests.length >= 3);
  assert.ok(issuer.listRequests.length - asked >= 5, String(issuer.listRequests.length - asked));
});

test("a stream that speaks again goes on where it was, whatever the list brought meanwhile", async (t) => {
  const limits = { pollAfterSilence: 1_000, listInterval: 20, streamTimeout: 60_000 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, heartbeat: 20, limits });
  await guard.ready();
  issuer.isSilent = true;
  const [mine, later] = [await createSession(issuer), await createSession(issuer)];
  await issuer.revoke({ sid: mine.sid });
  await waitUntil(() => isRevoked(guard, mine.token));
  issuer.isSilent = false;
  await issuer.revoke({ sid: later.sid });
  await waitUntil(() => isRevoked(guard, later.token));
  await sleep(200);
  assert.deepEqual(issuer.streamRequests, [null]);
  const asked = issuer.listRequests.length;
  await sleep(200);
  assert.equal(issuer.listRequests.length, asked, "nobody asks any more");
});

test("what is wrong with the stream is still said while the list is asked for", async (t) => {
  const { guard } = await startFollowing(t, { servesList: true, streamHandler: full, limits: { listInterval: 20 } });
  await guard.ready();
  assert.match(guard.status().revocations.error, /answered 503/);
});

test("followers that lost the stream together do not ask for the list together", async (t) => {
  const issuer = await FakeIssuer.start({ servesList: true });
  t.after(() => issuer.stop());
  const limits = { shortestRetryDelay: 4_000, longestRetryDelay: 60_000, listInterval: 60_000 };
  const guard = createTestGuard(t, issuer, { runtime: { ...fastRuntime(limits), random: () => 0.5 } });
  await guard.ready();
  issuer.streamHandler = full;
  issuer.dropConnections();
  await sleep(250);
  assert.equal(issuer.listRequests.length, 0);
  await waitUntil(() => issuer.listRequests.length === 1, 10_000);
});

test("a cursor that the list does not understand is forgotten too", async (t) => {
  const { issuer, guard } = await startFollowing(t, { servesList: true, limits: { listInterval: 20 } });
  await issuer.revoke({ sid: sessionId() });
  await waitUntilCaughtUp(issuer, guard);
  issuer.streamHandler = full;
  issuer.listHandler = (_, response) => {
    issuer.listHandler = undefined;
    response.writeHead(400).end();
  };
  const { cursor } = issuer;
  issuer.dropConnections();
  await waitUntil(() => issuer.listRequests.length >= 2);
  assert.deepEqual(issuer.listRequests.slice(0, 2), [cursor, null]);
});

test("what is no piece of the list is not taken from its address either", async (t) => {
  const as = (type) => ({ "content-type": type });
  const answers = {
    "another media type": async (response, text) => response.writeHead(200, as("text/plain")).end(text),
    "no media type": async (response, text) => response.writeHead(200).end(text),
    "a redirect": async (response) => response.writeHead(302, { location: "/revocations?" }).end(),
    "too much": async (response, text) =>
      response.writeHead(200, as("application/revocations+jwt")).end(text.padEnd(600_000)),
    silence: async (response) => response.writeHead(200, as("application/revocations+jwt")).flushHeaders(),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const limits = { listInterval: 20, listTimeout: 100 };
    const { issuer, guard } = await startFollowing(t, { servesList: true, streamHandler: full, limits });
    issuer.listHandler = (_, response) => issuer.page(null).then(({ text }) => answer(response, text));
    await waitUntil(() => issuer.listRequests.length >= 3);
    assert.equal(guard.status().revocations.behind, null, name);
    issuer.listHandler = undefined;
    await guard.ready();
    guard.close();
  }
});

test("a cache that answers every question with the first page is not asked without end", async (t) => {
  const { issuer, guard } = await startFollowing(t, { servesList: true, streamHandler: full, pageLength: 1 });
  for (const sid of [sessionId(), sessionId()]) await issuer.revoke({ sid });
  const { text } = await issuer.page(null);
  issuer.listHandler = (_, response) =>
    response.writeHead(200, { "content-type": "application/revocations+jwt" }).end(text);
  await waitUntil(() => issuer.listRequests.length >= 2);
  await sleep(200);
  assert.equal(issuer.listRequests.length, 2);
  assert.equal(guard.status().revocations.behind, null);
});

test("while the stream brings old pieces, the list is asked for", async (t) => {
  const limits = { pollAfterSilence: 2_000, listInterval: 20, streamTimeout: 60_000 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, pageClaims: { iat: seconds() - 40 }, limits });
  issuer.listHandler = async (_, response) => {
    const { text } = await issuer.page(issuer.listRequests.at(-1), {});
    response.writeHead(200, { "content-type": "application/revocations+jwt" }).end(text);
  };
  await guard.ready();
  assert.ok(guard.status().revocations.behind >= 39, "old pieces are taken all the same");
  await waitUntil(() => guard.status().revocations.behind <= 2);
  await waitUntil(() => issuer.listRequests.length >= 10);
  assert.equal(issuer.streamRequests.length, 1, "the stream is not given up for it");
  issuer.pageClaims = {};
  await sleep(200);
  const asked = issuer.listRequests.length;
  await sleep(200);
  assert.equal(issuer.listRequests.length, asked, "nobody asks any more");
});

test("two lists that stand at one address by turns are not asked for without end", async (t) => {
  const issuer = await FakeIssuer.start({ pageLength: 10, streamHandler: full, servesList: true });
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
  await waitUntil(() => /503.*; the list cannot be fetched: the list does not go on$/.test(errorOf(guard)));
  await sleep(200);
  assert.equal(issuer.listRequests.length, 2);
  assert.equal(guard.status().revocations.behind, null);
});

test("why the list cannot be had is said until it can", async (t) => {
  const options = { servesList: true, streamHandler: full, limits: { listInterval: 20 } };
  const { issuer, guard } = await startFollowing(t, options);
  issuer.listHandler = (_, response) => response.writeHead(502).end();
  await waitUntil(() => /stream answered 503; .*\/revocations answered 502$/.test(errorOf(guard)));
  issuer.listHandler = undefined;
  await waitUntil(() => /stream answered 503$/.test(errorOf(guard)));
  issuer.streamHandler = undefined;
  await waitUntil(() => errorOf(guard) === undefined);
});

test("a silent stream is no trouble as long as the list can be had", async (t) => {
  const limits = { pollAfterSilence: 50, listInterval: 20, streamTimeout: 60_000 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, isSilent: true, limits });
  await guard.ready();
  assert.equal(errorOf(guard), undefined);
  issuer.listHandler = (_, response) => response.writeHead(502).end();
  await waitUntil(() => /^the list cannot be fetched: .* answered 502$/.test(errorOf(guard)));
});

test("a Retry-After of the list is waited for", async (t) => {
  const limits = { listInterval: 20 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, isSilent: true, limits });
  issuer.streamHandler = issuer.listHandler = full;
  issuer.dropConnections();
  await waitUntil(() => issuer.listRequests.length === 1);
  await sleep(700);
  assert.equal(issuer.listRequests.length, 1);
  await waitUntil(() => issuer.listRequests.length > 1);
  assert.equal(guard.status().revocations.behind, null);
});

test("a Retry-After of the list is not waited for without end", async (t) => {
  const limits = { listInterval: 20, longestRetryAfter: 100 };
  const { issuer, guard } = await startFollowing(t, { servesList: true, streamHandler: full, limits });
  issuer.listHandler = (_, response) => response.writeHead(503, { "retry-after": "3600" }).end();
  await waitUntil(() => issuer.listRequests.length >= 2);
  issuer.listHandler = undefined;
  await guard.ready();
});
