"use strict";
// GET requests whose responses are limited in size and time.

const { parseStrictJson } = require("./strict-json.js");

/** Whether a response has the status 200 and the media type. */
function isExpectedResponse(type, { statusCode, headers }) {
  return statusCode === 200 && (headers["content-type"] ?? "").startsWith(type);
}

/** The error for any other response, with its status code and the value of `Retry-After`. */
function unexpectedResponse(url, { statusCode, headers }) {
  const error = new Error(`${url} responded with ${statusCode} ${headers["content-type"] ?? ""}`.trimEnd());
  return Object.assign(error, { statusCode, retryAfter: headers["retry-after"] });
}

/**
 * Returns the body of a response. Throws if the status is not 200, the media type is not `type` (default: any), the body has more
 * than `size` bytes, or the response takes longer than `timeout` milliseconds.
 */
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
    if (length > size) throw new Error(`${url} responded with more than ${size} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** As `getBytes`, but returns a string. */
async function getText(transport, url, bounds) {
  return (await getBytes(transport, url, bounds)).toString("utf8");
}

/** As `getBytes`, but parses strict JSON of at most `depth` levels. */
async function getJson(transport, url, { depth, ...bounds }) {
  const bytes = await getBytes(transport, url, { accept: "application/json", ...bounds });
  try {
    return parseStrictJson(bytes, depth);
  } catch ({ message }) {
    throw new Error(`${url}: ${message}`);
  }
}

/** Awaits a promise and keeps the process alive until it settles, because the program waits for the result. */
async function withProcessAlive(promise) {
  const timer = setInterval(() => {}, 60_000);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

module.exports = { getJson, getText, isExpectedResponse, unexpectedResponse, withProcessAlive };
