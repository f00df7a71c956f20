"use strict";
// How requests leave the process: with `node:http`, whose sockets can be told not to keep a process alive, or with a
// `fetch` that the program brings. Both leave redirects alone: keys and revocations come from where the configuration says.
//
// A transport sends a GET request and resolves with `statusCode`, `headers`, `destroy()` and the body, which is still to
// be read. `signal` ends both. Nothing is decompressed, so a small answer cannot become a very large one.

const { channel } = require("node:diagnostics_channel");
const http = require("node:http");
const https = require("node:https");

const HEADERS = { "accept-encoding": "identity" };

/** The transport for a guard's options. */
function createTransport({ agent, fetch }) {
  return fetch === undefined ? nodeTransport(agent) : fetchTransport(fetch);
}

function nodeTransport(agent) {
  return (url, { headers, signal }) =>
    new Promise((resolve, reject) => {
      const client = url.startsWith("https:") ? https : http;
      const options = { headers: { ...HEADERS, ...headers }, signal, agent: agent ?? dedicatedAgent(client) };
      const request = withUnrefSockets(() => client.get(url, options));
      // The agent holds a kept socket again when a request uses it.
      request.on("socket", (socket) => socket.unref());
      request.on("response", resolve);
      request.on("error", (error) => reject(unreachableError(url, error)));
    }).then((response) => checkNotEncoded(url, response));
}

/** A request has no socket before its proxy has opened a tunnel, but the socket to the proxy would keep the process alive. */
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
 * Leaves the program's pool of connections alone. Node 22.21 and 24.5 or newer reach out through the proxies that the
 * environment names if `NODE_USE_ENV_PROXY` or `--use-env-proxy` says so; their own agents then have `proxyEnv`.
 */
function dedicatedAgent({ Agent, globalAgent }) {
  const proxyEnv = globalAgent?.options?.proxyEnv;
  return proxyEnv === undefined ? false : new Agent({ proxyEnv });
}

function fetchTransport(fetch) {
  return async (url, { headers, signal }) => {
    // Frameworks that replace the global `fetch` may cache answers; a list of revocations must be new.
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
  throw new Error(`${url} answered with the content encoding ${encoding}, which was not asked for`);
}

/** The reason is in the cause of an error of `fetch`, and in the parts of one that stands for several addresses. */
function unreachableError(url, error) {
  const reasons = [error?.cause ?? error].flatMap((one) => one?.errors ?? one).map((one) => one?.message || one?.code);
  return new Error(`${url} cannot be reached: ${reasons.join(", ")}`, { cause: error });
}

module.exports = { createTransport };
