"use strict";
// Server-sent events (HTML, "Server-sent events"), with a bound on what one event may hold in memory. Lines end
// in LF or CRLF. `id` and `retry` are left out: the signed piece says where the list goes on.

/** Yields `{ type, data }` for each event of a stream of bytes. */
async function* readEvents(chunks, longest) {
  let event = { type: "message", data: [], length: 0 };
  for await (const line of readLines(chunks, longest)) {
    if (line === "") {
      if (event.data.length > 0) yield { type: event.type, data: event.data.join("\n") };
      event = { type: "message", data: [], length: 0 };
      continue;
    }
    event.length += line.length;
    if (event.length > longest) throw new Error("an event is too long");
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") event.type = value;
    if (field === "data") event.data.push(value);
  }
}

/** The parts of a line wait in a list: joined at each part, a line that trickles in would cost its length squared. */
async function* readLines(chunks, longest) {
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
    if (length > longest) throw new Error("a line of the stream is too long");
  }
}

module.exports = { readEvents };
