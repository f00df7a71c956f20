"use strict";
// Sends requests with `node:http`, whose sockets can be set not to keep the process alive, or with a `fetch` function of the
// program. Neither follows redirects, so keys and revocations come only from the configured server.
//
// A transport sends a GET request and resolves with `statusCode`, `headers`, `destroy()` and the unread body. `signal` aborts the
// request and the body. `node:http` decompresses nothing, so a small response cannot become a very large one.

const { channel } = require("node:diagnostics_channel");
const http = require("node:http");
const https = require("node:https");

const HEADERS = { "accept-encoding": "identity" };

/** Returns the transport for a guard's options. */
function createTransport({ agent, fetch }) {
  return fetch === undefined ? nodeTransport(agent) : fetchTransport(fetch);
}

function nodeTransport(agent) {
  return (url, { headers, signal }) =>
    new Promise((resolve, reject) => {
      const client = url.startsWith("https:") ? https : http;
      const options = { headers: { ...HEADERS, ...headers }, signal, agent: agent ?? dedicatedAgent(client) };
      const request = withUnrefSockets(() => client.get(url, options));
      // A keep-alive socket keeps the process alive again when the agent reuses it, so it is unreferenced for each request.
      request.on("socket", (socket) => socket.unref());
      request.on("response", resolve);
      request.on("error", (error) => reject(unreachableError(url, error)));
    }).then((response) => checkNotEncoded(url, response));
}

/**
 * Unreferences every socket that `send` opens. A request through a proxy has no socket until the tunnel is open, and until then
 * the socket to the proxy would keep the process alive.
 */
function withUnrefSockets(send) {
  const opened = channel("net.client.socket");
  const unref = ({ socket }) => socket.unref();
  opened.subscribe(unref);
  try {
    return send();
  } finally {
    opened.unsubscribe(unref);
  }
}

/**
 * Returns an agent that does not use the program's connection pool. With `NODE_USE_ENV_PROXY` or `--use-env-proxy`, Node 22.21 and
 * 24.5 or newer use the proxies in the environment. Their global agents then have `proxyEnv`, which the new agent copies.
 */
function dedicatedAgent({ Agent, globalAgent }) {
  const proxyEnv = globalAgent?.options?.proxyEnv;
  return proxyEnv === undefined ? false : new Agent({ proxyEnv });
}

function fetchTransport(fetch) {
  return async (url, { headers, signal }) => {
    // Some frameworks replace the global `fetch` and cache responses. A cached revocation list would be out of date.
    const options = { headers: { ...HEADERS, ...headers }, signal, redirect: "manual", cache: "no-store" };
    const response = await Promise.resolve(fetch(url, options)).catch((error) => {
      throw unreachableError(url, error);
    });
    const { "content-encoding": decoded, ...others } = Object.fromEntries(response.headers);
    return {
      statusCode: response.status,
      headers: others,
      destroy: () => response.body?.cancel().catch(() => {}),
      async *[Symbol.asyncIterator]() {
        yield* response.body ?? [];
      },
    };
  };
}

function checkNotEncoded(url, response) {
  const encoding = response.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return response;
  response.destroy();
  throw new Error(`${url} responded with the content encoding ${encoding}, which the request did not accept`);
}

/** The reason of a `fetch` error is in its `cause`. A name with several addresses fails with one error for each address. */
function unreachableError(url, error) {
  const reasons = [error?.cause ?? error].flatMap((one) => one?.errors ?? one).map((one) => one?.message || one?.code);
  return new Error(`${url} cannot be reached: ${reasons.join(", ")}`, { cause: error });
}

module.exports = { createTransport };
