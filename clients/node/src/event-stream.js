"use strict";
// Parses server-sent events (HTML Living Standard, section 9.2), with a limit on the memory that one event uses. Lines end
// in LF or CRLF. `id` and `retry` are ignored: the signed page holds the cursor, and limits.js sets the retry delays.
//
// The npm package eventsource-parser also parses this format. It is not used because this package promises to have no
// dependencies, so that an API adds no third-party code to its token verification.

/** Yields `{ type, data }` for each event in `chunks` of bytes. Throws if a line or event exceeds `maxLength` characters. */
async function* readEvents(chunks, maxLength) {
  let event = { type: "message", data: [], length: 0 };
  for await (const line of readLines(chunks, maxLength)) {
    if (line === "") {
      if (event.data.length > 0) yield { type: event.type, data: event.data.join("\n") };
      event = { type: "message", data: [], length: 0 };
      continue;
    }
    event.length += line.length;
    if (event.length > maxLength) throw new Error("an event is too long");
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") event.type = value;
    if (field === "data") event.data.push(value);
  }
}

/** Joins the parts of a line once, at its end: joining at each chunk would take quadratic time for a slow line. */
async function* readLines(chunks, maxLength) {
  const decoder = new TextDecoder();
  let parts = [];
  let length = 0;
  for await (const chunk of chunks) {
    const [first, ...others] = decoder.decode(chunk, { stream: true }).split("\n");
    parts.push(first);
    length += first.length;
    for (const next of others) {
      yield parts.join("").replace(/\r$/, "");
      parts = [next];
      length = next.length;
    }
    if (length > maxLength) throw new Error("a line of the stream is too long");
  }
}

module.exports = { readEvents };
