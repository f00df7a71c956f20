"use strict";
// GET requests that never keep a process alive. `fetch` cannot be told that; sockets of `node:http` can.
//
// Redirects are not followed: keys and revocations come from where the configuration says.

const http = require("node:http");
const https = require("node:https");

const { parseStrictJson } = require("./strict-json.js");

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

/** Whether an answer is a good one, of a media type. */
function isOf(type, { statusCode, headers }) {
  return statusCode === 200 && (headers["content-type"] ?? "").startsWith(type);
}

/** What to throw for an answer that is not as it should be, with what it said of asking again. */
function unexpected(url, { statusCode, headers }) {
  const error = new Error(`${url} answered ${statusCode} ${headers["content-type"] ?? ""}`.trimEnd());
  return Object.assign(error, { statusCode, retryAfter: headers["retry-after"] });
}

/** Reads a whole body, of a bounded size and in a bounded time; of a certain media type, if one is named. */
async function getBytes(url, { accept, type = "", size, timeout }) {
  const signal = AbortSignal.timeout(timeout);
  const response = await get(url, { headers: { accept }, signal });
  if (!isOf(type, response)) {
    response.destroy();
    throw unexpected(url, response);
  }
  const chunks = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > size) throw new Error(`${url} answered with more than ${size} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** As `getBytes`, for text. */
async function getText(url, bounds) {
  return (await getBytes(url, bounds)).toString("utf8");
}

/** As `getBytes`, for strict JSON of at most `depth` levels. */
async function getJson(url, { depth, ...bounds }) {
  return parseStrictJson(await getBytes(url, { accept: "application/json", ...bounds }), depth);
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

module.exports = { get, getJson, getText, held, isOf, unexpected };
