"use strict";
// GET requests that never keep a process alive. `fetch` cannot be told that; sockets of `node:http` can.
//
// Redirects are not followed: keys and revocations come from where the configuration says.

const http = require("node:http");
const https = require("node:https");

/** Sends a request; the answer's body is still to be read. `signal` ends both. */
function get(url, { headers, signal }) {
  return new Promise((resolve, reject) => {
    const client = url.startsWith("https:") ? https : http;
    // An agent of its own, so that the program's pool of connections is left alone.
    const request = client.get(url, { headers, signal, agent: false });
    request.on("socket", (socket) => socket.unref());
    request.on("response", resolve);
    request.on("error", reject);
  });
}

/** Reads a whole text, of a bounded size and in a bounded time. */
async function getText(url, { accept, size, timeout }) {
  const signal = AbortSignal.timeout(timeout);
  const response = await get(url, { headers: { accept }, signal });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`${url} answered ${response.statusCode}`);
  }
  const chunks = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > size) throw new Error(`${url} answered with more than ${size} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** As `getText`, for JSON. */
async function getJson(url, bounds) {
  return JSON.parse(await getText(url, { accept: "application/json", ...bounds }));
}

/** Keeps the process alive until a promise is settled: somebody is waiting for it. */
async function held(promise) {
  const hold = setInterval(() => {}, 60_000);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}

module.exports = { get, getJson, getText, held };
