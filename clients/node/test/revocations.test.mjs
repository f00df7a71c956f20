// How a guard follows the revocation list: which sessions an entry covers, and how the stream is resumed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestGuard, serveBehindGuard, sleep, statusOf, waitUntil } from "./support/api.mjs";
import { seconds, sessionId, signingKey } from "./support/fake-issuer.mjs";
import { createSession, isRevoked, startFollowing, waitUntilCaughtUp } from "./support/following.mjs";

// D2
test("rejects a revoked session within a second, and no other session", async (t) => {
  const { issuer, guard } = await startFollowing(t, { heartbeat: 5_000 });
  await guard.ready();
  const url = await serveBehindGuard(t, guard);
  const [revoked, other] = [await createSession(issuer), await createSession(issuer)];
  assert.equal(await statusOf(url, revoked.token), 200);
  await issuer.revoke({ sid: revoked.sid });
  await waitUntil(async () => (await statusOf(url, revoked.token)) === 401, 1_000);
  assert.equal(await statusOf(url, other.token), 200);
  assert.deepEqual(new Set(guard.refused), new Set(["revoked"]));
});

// D4
test("an entry covers a user's sessions up to one, except the named session", async (t) => {
  const { issuer, guard } = await startFollowing(t);
  const [first, kept, last] = [await createSession(issuer), await createSession(issuer), await createSession(issuer)];
  const later = await createSession(issuer);
  const otherUser = await issuer.token({ claims: { sid: first.sid, sub: "2" } });
  await issuer.revoke({ up_to: last.sid, sub: "1", except: kept.sid });
  await waitUntilCaughtUp(issuer, guard);
  const all = [first.token, kept.token, last.token, later.token, otherUser];
  const revoked = await Promise.all(all.map((token) => isRevoked(guard, token)));
  assert.deepEqual(revoked, [true, false, true, false, false]);
});

test("a session that one entry excepts is covered by a later entry that does not", async (t) => {
  const { issuer, guard } = await startFollowing(t);
  const [kept, last] = [await createSession(issuer), await createSession(issuer)];
  await issuer.revoke({ up_to: last.sid, sub: "1", except: kept.sid });
  await issuer.revoke({ up_to: last.sid, sub: "1", except: last.sid });
  await waitUntilCaughtUp(issuer, guard);
  assert.deepEqual([await isRevoked(guard, kept.token), await isRevoked(guard, last.token)], [true, true]);
});

// D5
test("an entry can cover all sessions of a client, or all sessions", async (t) => {
  const { issuer, guard } = await startFollowing(t);
  const session = await createSession(issuer, { client_id: "shop" });
  const elsewhere = await createSession(issuer, { client_id: "1" });
  await issuer.revoke({ up_to: sessionId(), client_id: "shop" });
  await waitUntilCaughtUp(issuer, guard);
  assert.deepEqual([await isRevoked(guard, session.token), await isRevoked(guard, elsewhere.token)], [true, false]);
  await issuer.revoke({ up_to: sessionId() });
  await waitUntil(() => isRevoked(guard, elsewhere.token));
  assert.equal(await isRevoked(guard, (await createSession(issuer)).token), false);
});

test("accepts no token before the list is complete", async (t) => {
  const { issuer, guard } = await startFollowing(t, { pageLength: 10, isSilent: true });
  const sessions = await Promise.all(Array.from({ length: 35 }, () => createSession(issuer)));
  for (const { sid } of sessions) await issuer.revoke({ sid });
  await waitUntil(() => issuer.streamRequests.length > 0);
  const valid = await issuer.token();
  await assert.rejects(guard.verify(valid), { code: "revocations_stale", status: 503 });
  issuer.isSilent = false;
  await guard.ready();
  for (const { token } of sessions) assert.equal(await isRevoked(guard, token), true);
  assert.equal((await guard.verify(valid)).sub, "1");
  assert.equal(guard.status().revocations.entries, 35);
});

test("the first request waits for the list", async (t) => {
  const { issuer, guard } = await startFollowing(t, { limits: { startupWait: 5_000, streamTimeout: 5_000 }, isSilent: true });
  const token = await issuer.token();
  const [early, late] = [guard.verify(token), sleep(100).then(() => "later")];
  assert.equal(await Promise.race([early, late]), "later");
  issuer.isSilent = false;
  assert.equal((await early).sub, "1");
});

test("the first request does not wait for a server that fails", async (t) => {
  const { issuer, guard } = await startFollowing(t, { limits: { startupWait: 60_000 }, isSilent: true });
  issuer.streamHandler = (_, response) => response.writeHead(404).end();
  issuer.dropConnections();
  const refused = guard.verify(await issuer.token()).catch(({ code }) => code);
  const outcome = await Promise.race([refused, sleep(5_000).then(() => "still waiting")]);
  assert.equal(outcome, "revocations_stale");
});

test("an incomplete list is not used, however recent it is", async (t) => {
  const { issuer, guard } = await startFollowing(t, { pageClaims: { more: true, cursor: "1-000000000000" } });
  issuer.streamHandler = async (_, response) => {
    const { text } = await issuer.page(null);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`event: revocations\ndata: ${text}\n\n`);
  };
  const { sid, token } = await createSession(issuer);
  issuer.list.push({ cursor: "1-000000000000", entry: { sid, exp: seconds() + 60 } });
  await waitUntil(() => isRevoked(guard, token));
  await assert.rejects(guard.verify(await issuer.token()), { code: "revocations_stale" });
});

test("a stream that breaks within an event is resumed at the cursor", async (t) => {
  const { issuer, guard } = await startFollowing(t);
  await issuer.revoke({ sid: sessionId() });
  await waitUntilCaughtUp(issuer, guard);
  const cursor = issuer.cursor;
  issuer.isSilent = true;
  const { sid, token } = await createSession(issuer);
  await issuer.revoke({ sid });
  const { text } = await issuer.page(cursor);
  for (const { response } of issuer.streams) {
    response.write(`event: revocations\ndata: ${text.slice(0, 100)}`, () => issuer.dropConnections());
  }
  issuer.isSilent = false;
  await waitUntil(() => isRevoked(guard, token));
  assert.deepEqual(issuer.streamRequests, [null, cursor]);
});

test("keeps known entries when the server restarts with another list", async (t) => {
  const { issuer, guard } = await startFollowing(t);
  const [before, after] = [await createSession(issuer), await createSession(issuer)];
  await issuer.revoke({ sid: before.sid });
  await waitUntilCaughtUp(issuer, guard);
  await issuer.stop();
  issuer.list = [];
  await issuer.listen();
  await issuer.revoke({ sid: after.sid });
  await waitUntil(() => isRevoked(guard, after.token));
  assert.equal(await isRevoked(guard, before.token), true);
});

// C8
test("accepts pages that are signed with a new key on an open stream", async (t) => {
  const { issuer, guard } = await startFollowing(t, { limits: { keySetCoolDown: 0 } });
  await guard.ready();
  issuer.keys.push(await signingKey("second"));
  const { sid } = await createSession(issuer);
  const token = await issuer.token({ claims: { sid }, key: issuer.keys[0] });
  await issuer.revoke({ sid });
  await waitUntil(() => isRevoked(guard, token));
  assert.equal(issuer.streamRequests.length, 1);
});

// C3, C4: a page must have the right type, issuer, audience and signature.
test("rejects a page that is malformed or not from the issuer", async (t) => {
  const wrong = [
    { pageClaims: { iss: "https://other.example" } },
    { pageClaims: { aud: "https://api.example" } },
    { pageClaims: { aud: undefined } },
    { pageHeader: { typ: "at+jwt" } },
    { pageHeader: { typ: "JWT" } },
    { pageHeader: { typ: undefined } },
    { pageHeader: { kid: "other" } },
    { pageClaims: { exp: 1 } },
    { pageClaims: { exp: undefined } },
    { pageClaims: { iat: seconds() + 60 } },
    { pageClaims: { iat: undefined } },
    { pageClaims: { cursor: "a b" } },
    { pageClaims: { cursor: undefined } },
    { pageClaims: { after: undefined } },
    { pageClaims: { more: undefined } },
    { pageClaims: { revocations: {} } },
    { pageClaims: { revocations: [null] } },
    { pageClaims: { revocations: [{ exp: 1 }] } },
    { pageClaims: { revocations: [{ sid: sessionId() }] } },
    { pageClaims: { revocations: [{ exp: 1, sid: "1" }] } },
    { pageClaims: { revocations: [{ exp: 1, up_to: sessionId(), sub: "1", client_id: "1" }] } },
    { pageClaims: { revocations: [{ exp: 1, up_to: sessionId(), sub: 1 }] } },
    { pageClaims: { revocations: [{ exp: 1, up_to: sessionId(), except: "1" }] } },
  ];
  for (const changes of wrong) {
    const { issuer, guard } = await startFollowing(t, changes);
    await waitUntil(() => /^a page/.test(guard.status().revocations.error));
    await assert.rejects(guard.verify(await issuer.token()), { code: "revocations_stale" }, JSON.stringify(changes));
    guard.close();
    await issuer.stop();
  }
});

// C4: a page must be as unambiguous as a token.
test("rejects a page that is not strict JSON in canonical base64url", async (t) => {
  const after = (text) => (claims) => claims.replace(/\}$/, `,${text}}`);
  const wrong = {
    "duplicate members": { rewritePageJson: after('"more":false') },
    "duplicate members in an entry": { rewritePageJson: after('"x":[{"sid":1,"s\\u0069d":2}]') },
    "a byte order mark": { rewritePageJson: (claims) => `\ufeff${claims}` },
    "too many levels": { rewritePageJson: after(`"x":${"[".repeat(64)}${"]".repeat(64)}`) },
    "an unpaired surrogate": { rewritePageJson: after('"x":"\\ud83d"') },
    padding: { rewritePageToken: (token) => `${token}==` },
    whitespace: { rewritePageToken: (token) => `${token} ` },
    b64: { pageHeader: { b64: true } },
    zip: { pageHeader: { zip: "DEF" } },
  };
  for (const [what, changes] of Object.entries(wrong)) {
    const { issuer, guard } = await startFollowing(t, changes);
    await waitUntil(() => /rejected: the token is not a valid signed JWT/.test(guard.status().revocations.error));
    await assert.rejects(guard.verify(await issuer.token()), { code: "revocations_stale" }, what);
    guard.close();
    await issuer.stop();
  }
});

test("rejects a page that another key with the same kid has signed", async (t) => {
  const { issuer, guard } = await startFollowing(t, { isSilent: true });
  const published = issuer.keys[0];
  issuer.keysHandler = (_, response) => response.end(JSON.stringify({ keys: [published.jwk] }));
  issuer.keys = [await signingKey(published.kid)];
  issuer.isSilent = false;
  const expected = /^a page of the revocation list was rejected: the signature is invalid/;
  await waitUntil(() => expected.test(guard.status().revocations.error));
  assert.equal(guard.status().revocations.behind, null);
});

test("rejects a page that does not continue at the cursor of the page before", async (t) => {
  const { issuer, guard } = await startFollowing(t);
  await guard.ready();
  issuer.isSilent = true;
  const { sid, token } = await createSession(issuer);
  await issuer.revoke({ sid });
  const unseen = issuer.cursor;
  await issuer.revoke({ sid: sessionId() });
  const { text } = await issuer.page(unseen);
  for (const { response } of issuer.streams) response.write(`event: revocations\ndata: ${text}\n\n`);
  await waitUntil(() => /^a page of the revocation list is missing/.test(guard.status().revocations.error));
  issuer.isSilent = false;
  await waitUntil(() => isRevoked(guard, token));
  assert.equal(issuer.streamRequests.at(-1), "0-000000000000");
});

test("closes a silent stream and connects again", async (t) => {
  const { issuer, guard } = await startFollowing(t, { limits: { streamTimeout: 100 } });
  await guard.ready();
  issuer.isSilent = true;
  await waitUntil(() => issuer.streamRequests.length >= 3);
  issuer.isSilent = false;
  await waitUntil(() => guard.status().revocations.error === undefined);
});

test("heartbeats keep a stream open", async (t) => {
  const { issuer, guard } = await startFollowing(t, { limits: { streamTimeout: 1_000 } });
  await guard.ready();
  await sleep(1_500);
  assert.equal(issuer.streamRequests.length, 1);
});

test("events other than pages do not keep a stream open", async (t) => {
  const { issuer, guard } = await startFollowing(t, { limits: { streamTimeout: 100 }, isSilent: true });
  const noise = setInterval(() => {
    for (const { response } of issuer.streams) response.write(": still here\n\nevent: other\ndata: x\n\n");
  }, 10);
  t.after(() => clearInterval(noise));
  await waitUntil(() => /^the stream sent no valid page for 0.1 seconds/.test(guard.status().revocations.error));
});

test("closes a stream that is not a revocation list", async (t) => {
  const { issuer, guard } = await startFollowing(t, { limits: { eventLength: 10_000 } });
  const asStream = (response) => response.writeHead(200, { "content-type": "text/event-stream" });
  const invalidStreams = {
    "responded with 404": (response) => response.writeHead(404).end(),
    "responded with 200 text/html": (response) => response.writeHead(200, { "content-type": "text/html" }).end("<p>"),
    "responded with 302": (response) => response.writeHead(302, { location: "/revocations/stream?" }).end(),
    "not a valid signed JWT": (response) => asStream(response).write("event: revocations\ndata: x\n\n"),
    "a line of the stream is too long": (response) => asStream(response).write("x".repeat(200_000)),
    "an event is too long": (response) => asStream(response).write("data: x\n".repeat(2_000)),
    "the stream ended": (response) => asStream(response).end(),
  };
  for (const [error, respond] of Object.entries(invalidStreams)) {
    issuer.streamHandler = (_, response) => respond(response);
    issuer.dropConnections();
    await waitUntil(() => guard.status().revocations.error?.includes(error));
  }
  issuer.streamHandler = undefined;
  await guard.ready();
});

test("delays grow while the server fails, and are reset after a success", async (t) => {
  const { issuer, guard } = await startFollowing(t, { limits: { longestRetryDelay: 60_000 }, isSilent: true });
  issuer.streamHandler = (_, response) => response.writeHead(503).end();
  issuer.dropConnections();
  await sleep(600);
  // After the first request, the shortest delays are 20, 40, 80, 160 and 320 ms.
  assert.ok(issuer.streamRequests.length >= 4 && issuer.streamRequests.length <= 7, String(issuer.streamRequests));
  issuer.streamHandler = undefined;
  issuer.isSilent = false;
  await guard.ready();
  const requestCount = issuer.streamRequests.length;
  issuer.dropConnections();
  await waitUntil(() => issuer.streamRequests.length > requestCount, 500);
});

test("waits for Retry-After", async (t) => {
  const { issuer, guard } = await startFollowing(t, { isSilent: true });
  issuer.streamHandler = (_, response) => response.writeHead(503, { "retry-after": "1" }).end();
  issuer.dropConnections();
  await waitUntil(() => guard.status().revocations.error?.includes("503"));
  const requestCount = issuer.streamRequests.length;
  await sleep(700);
  assert.equal(issuer.streamRequests.length, requestCount);
  await waitUntil(() => issuer.streamRequests.length > requestCount);
});

test("starts over after the server rejects the cursor", async (t) => {
  const { issuer, guard } = await startFollowing(t);
  await issuer.revoke({ sid: sessionId() });
  await waitUntilCaughtUp(issuer, guard);
  issuer.streamHandler = ({ headers }, response) => {
    if (headers["last-event-id"] === undefined) issuer.streamHandler = undefined;
    response.writeHead(400).end();
  };
  const { cursor } = issuer;
  issuer.dropConnections();
  await waitUntil(() => issuer.streamRequests.length === 4);
  assert.deepEqual(issuer.streamRequests, [null, cursor, null, null]);
  await waitUntil(() => guard.status().revocations.error === undefined);
});

test("all guards of a process share one stream until the last one is closed", async (t) => {
  const { issuer, guard } = await startFollowing(t);
  const others = [createTestGuard(t, issuer), createTestGuard(t, issuer, { audience: "https://other.example" })];
  await Promise.all([guard, ...others].map((one) => one.ready()));
  assert.deepEqual([issuer.streamRequests.length, issuer.keyRequests], [1, 1]);
  guard.close();
  others[0].close();
  await sleep(50);
  assert.equal(issuer.streams.size, 1);
  others[1].close();
  await waitUntil(() => issuer.streams.size === 0);
  await sleep(200);
  assert.equal(issuer.streamRequests.length, 1);
});

test("a guard that is created after all others are closed starts without a list", async (t) => {
  const { issuer, guard } = await startFollowing(t);
  await guard.ready();
  guard.close();
  const next = createTestGuard(t, issuer);
  assert.equal(next.status().revocations.behind, null);
  await next.ready();
  assert.equal((await next.verify(await issuer.token())).sub, "1");
});
