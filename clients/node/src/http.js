"use strict";
// Answers to GET requests, of a bounded size and in a bounded time.

const { parseStrictJson } = require("./strict-json.js");

/** Whether an answer is a good one, of a media type. */
function isExpectedResponse(type, { statusCode, headers }) {
  return statusCode === 200 && (headers["content-type"] ?? "").startsWith(type);
}

/** What to throw for an answer that is not as it should be, with what it said of asking again. */
function unexpectedResponse(url, { statusCode, headers }) {
  const error = new Error(`${url} answered ${statusCode} ${headers["content-type"] ?? ""}`.trimEnd());
  return Object.assign(error, { statusCode, retryAfter: headers["retry-after"] });
}

/** Reads a whole body, of a bounded size and in a bounded time; of a certain media type, if one is named. */
async function getBytes(transport, url, { accept, type = "", size, timeout }) {
  const signal = AbortSignal.timeout(timeout);
  const response = await transport(url, { headers: { accept }, signal });
  if (!isExpectedResponse(type, response)) {
    response.destroy();
    throw unexpectedResponse(url, response);
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
async function getText(transport, url, bounds) {
  return (await getBytes(transport, url, bounds)).toString("utf8");
}

/** As `getBytes`, for strict JSON of at most `depth` levels. */
async function getJson(transport, url, { depth, ...bounds }) {
  const bytes = await getBytes(transport, url, { accept: "application/json", ...bounds });
  try {
    return parseStrictJson(bytes, depth);
  } catch ({ message }) {
    throw new Error(`${url}: ${message}`);
  }
}

/** Keeps the process alive until a promise is settled: somebody is waiting for it. */
async function withProcessAlive(promise) {
  const hold = setInterval(() => {}, 60_000);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}

module.exports = { getJson, getText, withProcessAlive, isExpectedResponse, unexpectedResponse };
