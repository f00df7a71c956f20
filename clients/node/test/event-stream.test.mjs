// Server-sent events, split into chunks at any byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readEvents } from "../src/event-stream.js";

async function read(chunks, maxLength = 1_000) {
  const events = [];
  for await (const event of readEvents(chunks, maxLength)) events.push(event);
  return events;
}

async function* bytes(text, size) {
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

const TEXT = [
  ": a comment\n\n",
  "event: revocations\nid: 1-0\ndata: first\n\n",
  "retry: 10\nevent:other\r\ndata:two\r\ndata: lines\r\n\r\n",
  "data\ndata: with: colons and ü\u2028\n\n",
  "event: without data\n\n",
  "data: cut off",
].join("");

const EVENTS = [
  { type: "revocations", data: "first" },
  { type: "other", data: "two\nlines" },
  { type: "message", data: "\nwith: colons and ü\u2028" },
];

test("parses the same events from chunks of any size", async () => {
  for (let size = 1; size <= TEXT.length; size += 1) assert.deepEqual(await read(bytes(TEXT, size)), EVENTS);
});

test("limits the length of a line and of an event, whatever the size of the chunks", async () => {
  for (const size of [1, 7, 10_000]) {
    await assert.rejects(read(bytes("x".repeat(1_100), size)), /too long/);
    await assert.rejects(read(bytes("data: x\n".repeat(200), size)), /an event is too long/);
    await assert.rejects(read(bytes(": x\n".repeat(400), size)), /an event is too long/);
    assert.equal((await read(bytes(`data: ${"x".repeat(900)}\n\n`.repeat(10), size))).length, 10);
  }
});

test("stops reading a line without an end at the limit", async () => {
  let sent = 0;
  async function* endless() {
    for (;;) {
      sent += 1;
      yield Buffer.alloc(100, "x");
    }
  }
  await assert.rejects(read(endless()), /a line of the stream is too long/);
  assert.equal(sent, 11);
});
