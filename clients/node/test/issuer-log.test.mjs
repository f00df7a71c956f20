// What the guard logs when the issuer cannot be used, and how often.
import assert from "node:assert/strict";
import { test } from "node:test";
import { IssuerLog } from "../src/issuer-log.js";
import { FakeIssuer, seconds } from "./support/fake-issuer.mjs";
import { createTestGuard, fastRuntime, sleep, waitUntil } from "./support/api.mjs";

const dangerouslyIgnoreRevocations = true;

async function startIssuer(t, options) {
  const issuer = await FakeIssuer.start(options);
  t.after(() => issuer.stop().catch(() => {}));
  return issuer;
}

const jwksOf = (issuer) => `${issuer.url}/.well-known/jwks.json`;

test("a guard without problems logs nothing", async (t) => {
  const issuer = await startIssuer(t);
  const guard = createTestGuard(t, issuer);
  await guard.ready();
  await guard.verify(await issuer.token());
  await assert.rejects(guard.verify("x"));
  assert.deepEqual(guard.logged, []);
});

test("logs once that an issuer is unreachable, and once that it is reachable again", async (t) => {
  const issuer = await startIssuer(t);
  await issuer.stop();
  const guard = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations });
  const token = await issuer.token();
  for (let count = 0; count < 20; count += 1) await assert.rejects(guard.verify(token), { status: 503 });
  // Wait for a few more attempts.
  await sleep(300);
  const reason = `${jwksOf(issuer)} cannot be reached: connect ECONNREFUSED 127.0.0.1:${issuer.port}`;
  const line = `countersign: cannot fetch the keys of ${issuer.url}: ${reason}; the guard rejects tokens with 503`;
  assert.deepEqual(guard.logged, [line]);
  await issuer.listen();
  await waitUntil(() => guard.status().keys.error === undefined);
  assert.deepEqual(guard.logged, [line, `countersign: can fetch the keys of ${issuer.url} again`]);
});

test("logs a reason when it changes", async (t) => {
  const issuer = await startIssuer(t);
  const answers = [
    (response) => response.writeHead(404, { "content-type": "text/html" }).end(),
    (response) => response.end("<html>"),
    (response) => response.end("{}"),
    (response) => response.end('{"keys":[]}'),
    (response) => response.end('{"keys":[{"kty":"oct","k":"AA","kid":"a"},null]}'),
  ];
  const url = jwksOf(issuer);
  const reasons = [
    `${url} responded with 404 text/html`,
    `${url}: the text is not valid JSON`,
    "the key set has no `keys` array",
    "the key set has no usable key: it is empty",
    "the key set has no usable key: a key has an unsupported kty, a key has a malformed kty",
  ];
  issuer.keysHandler = (_, response) => answers[0](response);
  const guard = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations });
  for (const [at, answer] of answers.entries()) {
    issuer.keysHandler = (_, response) => answer(response);
    await waitUntil(() => guard.logged.length === at + 1);
  }
  const logged = guard.logged.map((line) => /cannot fetch the keys of \S+: (.*); the guard rejects tokens with 503$/.exec(line)?.[1]);
  assert.deepEqual(logged, reasons);
});

test("the line does not mention 503 while known keys stay in use", async (t) => {
  const issuer = await startIssuer(t);
  const runtime = fastRuntime({ keySetInterval: 20, keySetCoolDown: 20 });
  const guard = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations, runtime });
  await guard.ready();
  issuer.keysHandler = (_, response) => response.writeHead(500).end();
  await waitUntil(() => guard.logged.length > 0);
  assert.deepEqual(guard.logged, [`countersign: cannot fetch the keys of ${issuer.url}: ${jwksOf(issuer)} responded with 500`]);
});

test("logs once why the list cannot be fetched, and once that tokens are rejected for it", async (t) => {
  const issuer = await startIssuer(t, { streamHandler: (_, response) => response.writeHead(404).end() });
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime({ listInterval: 20 }) });
  const token = await issuer.token();
  await waitUntil(() => guard.logged.length > 0);
  for (let count = 0; count < 20; count += 1) await assert.rejects(guard.verify(token), { status: 503 });
  await sleep(200);
  const reason =
    `${issuer.url}/revocations/stream responded with 404; ` +
    `the revocation list cannot be fetched: ${issuer.url}/revocations responded with 404`;
  const line = `countersign: cannot follow the revocation list of ${issuer.url}: ${reason}`;
  assert.deepEqual(guard.logged, [line, `${line}; the guard rejects tokens with 503`]);
  issuer.streamHandler = undefined;
  await guard.ready();
  assert.equal(guard.logged.at(-1), `countersign: can follow the revocation list of ${issuer.url} again`);
  assert.equal(guard.logged.length, 3);
});

// For example, `issuer` has the host `localhost` and the server has 127.0.0.1.
test("logs that the server's issuer is not the configured one", async (t) => {
  const issuer = await startIssuer(t, { servesList: true });
  const name = "https://id.example";
  const runtime = fastRuntime({ listInterval: 20 });
  const guard = createTestGuard(t, issuer, { issuer: name, server: issuer.url, runtime });
  await waitUntil(() => guard.logged.length > 0);
  const reason = "a page of the revocation list was rejected: its issuer is not https://id.example";
  assert.equal(guard.logged[0], `countersign: cannot follow the revocation list of ${name}: ${reason}`);
});

test("logs that a stream is silent from the start when the guard rejects a token for it", async (t) => {
  const issuer = await startIssuer(t, { isSilent: true });
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime({ streamTimeout: 60_000, pollAfterSilence: 60_000 }) });
  await assert.rejects(guard.verify(await issuer.token()), { code: "revocations_stale" });
  assert.deepEqual(guard.logged, [
    `countersign: cannot follow the revocation list of ${issuer.url}: no recent page has arrived; ` +
      "the guard rejects tokens with 503",
  ]);
});

test("does not log a short outage of the server", async (t) => {
  const issuer = await startIssuer(t);
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime({ listInterval: 20 }) });
  await guard.ready();
  await issuer.stop();
  await waitUntil(() => /the revocation list cannot be fetched/.test(guard.status().revocations.error));
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
  await issuer.listen();
  await waitUntil(() => guard.status().revocations.error === undefined);
  assert.deepEqual(guard.logged, []);
});

test("logs a long outage of the server, although the list is still used", async (t) => {
  const issuer = await startIssuer(t);
  const clock = { ahead: 0 };
  const guard = createTestGuard(t, issuer, { runtime: { ...fastRuntime({ listInterval: 20 }), now: () => seconds() + clock.ahead } });
  await guard.ready();
  await issuer.stop();
  clock.ahead = 30;
  await waitUntil(() => guard.logged.length > 0);
  assert.match(guard.logged[0], /cannot follow the revocation list of .*: .*ECONNREFUSED[^;]*$/);
  assert.equal((await guard.verify(await issuer.token())).sub, "1");
});

test("guards of one issuer share its log lines, and each log function gets a line once", async (t) => {
  const issuer = await startIssuer(t);
  await issuer.stop();
  const lines = [];
  const log = (line) => lines.push(line);
  const guards = [1, 2, 3].map(() => createTestGuard(t, issuer, { log, dangerouslyIgnoreRevocations }));
  await waitUntil(() => lines.length > 0);
  const late = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations });
  assert.deepEqual(late.logged, lines, "a later guard gets the current problems");
  for (const guard of guards) guard.close();
  await issuer.listen();
  await late.ready();
  assert.deepEqual([lines.length, late.logged.length], [1, 2]);
});

test("guards without the option `log` use console.warn", async (t) => {
  const issuer = await startIssuer(t);
  await issuer.stop();
  const warn = t.mock.method(console, "warn", () => {});
  const guards = [1, 2].map(() => createTestGuard(t, issuer, { log: undefined, dangerouslyIgnoreRevocations }));
  await waitUntil(() => guards[0].status().keys.error !== undefined);
  assert.equal(warn.mock.callCount(), 1);
});

test("an error of the log function does not interrupt the requests for keys", async (t) => {
  const issuer = await startIssuer(t);
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
test("log lines contain no token, no line break, and a reason of limited length", async (t) => {
  const issuer = await startIssuer(t);
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

test("logs nothing when a resource without a problem is available", () => {
  const lines = [];
  const log = new IssuerLog("https://id.example");
  log.add((line) => lines.push(line));
  log.clear("keys");
  assert.deepEqual(lines, []);
});
