// What the program's log says when the issuer cannot be used, and how seldom.
import assert from "node:assert/strict";
import { test } from "node:test";
import { IssuerLog } from "../src/issuer-log.js";
import { FakeIssuer, seconds } from "./support/fake-issuer.mjs";
import { createTestGuard, fastRuntime, sleep, waitUntil } from "./support/api.mjs";

const dangerouslyIgnoreRevocations = true;

async function started(t, options) {
  const issuer = await FakeIssuer.start(options);
  t.after(() => issuer.stop().catch(() => {}));
  return issuer;
}

const jwksOf = (issuer) => `${issuer.url}/.well-known/jwks.json`;

test("a guard that works says nothing", async (t) => {
  const issuer = await started(t);
  const guard = createTestGuard(t, issuer);
  await guard.ready();
  await guard.verify(await issuer.token());
  await assert.rejects(guard.verify("x"));
  assert.deepEqual(guard.logged, []);
});

test("an issuer that cannot be reached is told once, and so is its return", async (t) => {
  const issuer = await started(t);
  await issuer.stop();
  const guard = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations });
  const token = await issuer.token();
  for (let count = 0; count < 20; count += 1) await assert.rejects(guard.verify(token), { status: 503 });
  // A few more attempts.
  await sleep(300);
  const why = `${jwksOf(issuer)} cannot be reached: connect ECONNREFUSED 127.0.0.1:${issuer.port}`;
  const line = `countersign: the keys of ${issuer.url} cannot be fetched: ${why}; the guard answers tokens with 503`;
  assert.deepEqual(guard.logged, [line]);
  await issuer.listen();
  await waitUntil(() => guard.status().keys.error === undefined);
  assert.deepEqual(guard.logged, [line, `countersign: the keys of ${issuer.url} can be fetched again`]);
});

test("each reason is told when it changes", async (t) => {
  const issuer = await started(t);
  const answers = [
    (response) => response.writeHead(404, { "content-type": "text/html" }).end(),
    (response) => response.end("<html>"),
    (response) => response.end("{}"),
    (response) => response.end('{"keys":[]}'),
    (response) => response.end('{"keys":[{"kty":"oct","k":"AA","kid":"a"},null]}'),
  ];
  const url = jwksOf(issuer);
  const reasons = [
    `${url} answered 404 text/html`,
    `${url}: the text is not valid JSON`,
    "the key set has no list of keys",
    "the key set has no usable key: it is empty",
    "the key set has no usable key: a key has an unsupported kty, a key has a malformed kty",
  ];
  issuer.keysHandler = (_, response) => answers[0](response);
  const guard = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations });
  for (const [at, answer] of answers.entries()) {
    issuer.keysHandler = (_, response) => answer(response);
    await waitUntil(() => guard.logged.length === at + 1);
  }
  const told = guard.logged.map((line) => /cannot be fetched: (.*); the guard answers tokens with 503$/.exec(line)?.[1]);
  assert.deepEqual(told, reasons);
});

test("while known keys stay in use, the line does not speak of 503", async (t) => {
  const issuer = await started(t);
  const runtime = fastRuntime({ keySetInterval: 20, keySetCoolDown: 20 });
  const guard = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations, runtime });
  await guard.ready();
  issuer.keysHandler = (_, response) => response.writeHead(500).end();
  await waitUntil(() => guard.logged.length > 0);
  assert.deepEqual(guard.logged, [`countersign: the keys of ${issuer.url} cannot be fetched: ${jwksOf(issuer)} answered 500`]);
});

test("a list that cannot be had is told once, with why the tokens are refused", async (t) => {
  const issuer = await started(t, { streamHandler: (_, response) => response.writeHead(404).end() });
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime({ listInterval: 20 }) });
  const token = await issuer.token();
  await waitUntil(() => guard.logged.length > 0);
  for (let count = 0; count < 20; count += 1) await assert.rejects(guard.verify(token), { status: 503 });
  await sleep(200);
  const why =
    `${issuer.url}/revocations/stream answered 404; ` +
    `the list cannot be fetched: ${issuer.url}/revocations answered 404`;
  const line = `countersign: the revocations of ${issuer.url} cannot be followed: ${why}`;
  assert.deepEqual(guard.logged, [line, `${line}; the guard answers tokens with 503`]);
  issuer.streamHandler = undefined;
  await guard.ready();
  assert.equal(guard.logged.at(-1), `countersign: the revocations of ${issuer.url} can be followed again`);
  assert.equal(guard.logged.length, 3);
});

// A program that is given `localhost` where the server calls itself 127.0.0.1 sees it here.
test("a server with another name than the configured issuer is told", async (t) => {
  const issuer = await started(t, { servesList: true });
  const name = "https://id.example";
  const runtime = fastRuntime({ listInterval: 20 });
  const guard = createTestGuard(t, issuer, { issuer: name, server: issuer.url, runtime });
  await waitUntil(() => guard.logged.length > 0);
  const why = "a piece of the list is refused: its issuer is another one than https://id.example";
  assert.equal(guard.logged[0], `countersign: the revocations of ${name} cannot be followed: ${why}`);
});

test("a stream that is silent from the start is told when it makes a request fail", async (t) => {
  const issuer = await started(t, { isSilent: true });
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime({ streamTimeout: 60_000, pollAfterSilence: 60_000 }) });
  await assert.rejects(guard.verify(await issuer.token()), { code: "revocations_stale" });
  assert.deepEqual(guard.logged, [
    `countersign: the revocations of ${issuer.url} cannot be followed: nothing recent has arrived; ` +
      "the guard answers tokens with 503",
  ]);
});

test("a short absence of the server is not told", async (t) => {
  const issuer = await started(t);
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime({ listInterval: 20 }) });
  await guard.ready();
  await issuer.stop();
  await waitUntil(() => /the list cannot be fetched/.test(guard.status().revocations.error));
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
  await issuer.listen();
  await waitUntil(() => guard.status().revocations.error === undefined);
  assert.deepEqual(guard.logged, []);
});

test("a long absence is told, though old news is still served", async (t) => {
  const issuer = await started(t);
  const clock = { ahead: 0 };
  const guard = createTestGuard(t, issuer, { runtime: { ...fastRuntime({ listInterval: 20 }), now: () => seconds() + clock.ahead } });
  await guard.ready();
  await issuer.stop();
  clock.ahead = 30;
  await waitUntil(() => guard.logged.length > 0);
  assert.match(guard.logged[0], /the revocations of .* cannot be followed: .*ECONNREFUSED[^;]*$/);
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
});

test("guards of one issuer share its lines, and each log hears them once", async (t) => {
  const issuer = await started(t);
  await issuer.stop();
  const heard = [];
  const log = (line) => heard.push(line);
  const guards = [1, 2, 3].map(() => createTestGuard(t, issuer, { log, dangerouslyIgnoreRevocations }));
  await waitUntil(() => heard.length > 0);
  const late = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations });
  assert.deepEqual(late.logged, heard, "a later guard hears what is wrong already");
  for (const guard of guards) guard.close();
  await issuer.listen();
  await late.ready();
  assert.deepEqual([heard.length, late.logged.length], [1, 2]);
});

test("console.warn is the log of guards that have none of their own", async (t) => {
  const issuer = await started(t);
  await issuer.stop();
  const warn = t.mock.method(console, "warn", () => {});
  const guards = [1, 2].map(() => createTestGuard(t, issuer, { log: undefined, dangerouslyIgnoreRevocations }));
  await waitUntil(() => guards[0].status().keys.error !== undefined);
  assert.equal(warn.mock.callCount(), 1);
});

test("a log that fails loses no keys", async (t) => {
  const issuer = await started(t);
  await issuer.stop();
  const log = () => {
    throw new Error("the disk is full");
  };
  const guard = createTestGuard(t, issuer, { log, dangerouslyIgnoreRevocations });
  await waitUntil(() => guard.status().keys.error !== undefined);
  await issuer.listen();
  assert.equal((await guard.ready().then(async () => guard.verify(await issuer.token()))).sub, "1");
});

// G1
test("no line has a token, and a reason is one line of bounded length", async (t) => {
  const issuer = await started(t);
  const token = await issuer.token();
  const fail = () => Promise.reject(new Error(`first\nsecond\r\n\u001b[31m${"x".repeat(10_000)}`));
  const guard = createTestGuard(t, issuer, { fetch: fail });
  await assert.rejects(guard.verify(token));
  await waitUntil(() => guard.logged.length > 0);
  for (const line of guard.logged) {
    assert.ok(line.length < 1_000 && !/\p{Cc}/u.test(line), line);
    for (const part of token.split(".")) assert.ok(!line.includes(part), line);
  }
});

test("what is clear already is not cleared again", () => {
  const lines = [];
  const log = new IssuerLog("https://id.example");
  log.add((line) => lines.push(line));
  log.clear("keys");
  assert.deepEqual(lines, []);
});
