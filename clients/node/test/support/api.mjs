// Helpers that start an API behind a guard, send requests to it, and wait.
import { once } from "node:events";
import { createServer, request as send } from "node:http";
import { Guard } from "../../src/guard.js";
import limits from "../../src/limits.js";
import defaultRuntime from "../../src/runtime.js";
import { AUDIENCE } from "./fake-issuer.mjs";

/** A runtime with short delays and timeouts; `changes` override its limits. */
export function fastRuntime(changes = {}) {
  const short = { shortestRetryDelay: 20, longestRetryDelay: 100, streamTimeout: 500, startupWait: 100 };
  return { ...defaultRuntime, limits: { ...limits, ...short, ...changes } };
}

/** Starts a server, closes it after the test, and returns its URL. */
export async function serve(t, listener) {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** A guard for an issuer, closed after the test. `refused` holds the codes of its refusals, `logged` its log lines. */
export function createTestGuard(t, issuer, { runtime = fastRuntime(), ...options } = {}) {
  const refused = [];
  const logged = [];
  const log = (line) => logged.push(line);
  const onRefused = ({ code }) => refused.push(code);
  const guard = new Guard({ issuer: issuer.url, audience: AUDIENCE, log, onRefused, ...options }, runtime);
  t.after(() => guard.close());
  return Object.assign(guard, { refused, logged });
}

/** Starts an API with one route behind a guard, and returns its URL. */
export function serveBehindGuard(t, guard, requirements) {
  const middleware = guard.middleware(requirements);
  const handler = (request, response) => response.end(JSON.stringify({ user: request.auth }));
  return serve(t, (request, response) => middleware(request, response, () => handler(request, response)));
}

/** Sends a request and reads the whole response. `headers` as in `node:http`: an array sends a header several times. */
export async function sendRequest(url, headers = {}, method = "GET") {
  const request = send(url, { method, headers, agent: false });
  request.end();
  const [response] = await once(request, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

export const bearerHeader = (token) => ({ authorization: `Bearer ${token}` });

/** The status of an API's response to a token. */
export async function statusOf(url, token) {
  return (await sendRequest(url, bearerHeader(token))).status;
}

/** Waits until a condition holds. Rejects after `milliseconds`. */
export async function waitUntil(condition, milliseconds = 5_000) {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    if (await condition()) return;
    if (performance.now() > deadline) throw new Error(`the condition did not hold within ${milliseconds} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
