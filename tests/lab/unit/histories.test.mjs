// The server's events, grouped by session.
import assert from "node:assert/strict";
import { test } from "node:test";

const { historiesOf, sinceBefore } = await import("../../../crates/countersign/lab/timeline/histories.js");
const { briefOf, sentenceOf } = await import("../../../crates/countersign/lab/timeline/kinds.js");

const at = (second) => new Date(Date.UTC(2027, 0, 1) + second * 1_000).toISOString();
const opened = (session_id, second) => ({
  event: "opened",
  session_id,
  generation: 0,
  presented: null,
  at: at(second),
});
const rotated = (session_id, generation, second) => ({
  event: "rotated",
  session_id,
  presented: generation - 1,
  generation,
  at: at(second),
});
const reused = (session_id, presented, generation, second) => ({
  event: "reused",
  session_id,
  presented,
  generation,
  at: at(second),
});
const gap = (second) => ({ event: "gap", at: at(second) });
const kinds = ({ events }) => events.map(({ event }) => event);

test("sessions are ordered by their newest event", () => {
  const histories = historiesOf([opened("a", 0), opened("b", 1), rotated("a", 1, 2)]);
  assert.deepEqual([...histories.keys()], ["b", "a"]);
  assert.deepEqual(kinds(histories.get("a")), ["opened", "rotated"]);
});

test("a session is over after a spent token was presented after the grace period", () => {
  const { isOver, generation } = historiesOf([opened("a", 0), rotated("a", 1, 1), reused("a", 0, 1, 20)]).get("a");
  assert.deepEqual([isOver, generation], [true, 1]);
});

test("a gap is added only to the histories that may miss an event", () => {
  const histories = historiesOf([
    opened("over", 0),
    reused("over", 0, 0, 1),
    opened("live", 2),
    gap(3),
    rotated("known", 4, 4),
    opened("new", 5),
  ]);
  assert.deepEqual(kinds(histories.get("over")), ["opened", "reused"]);
  assert.deepEqual(kinds(histories.get("live")), ["opened", "gap"]);
  assert.deepEqual(kinds(histories.get("known")), ["gap", "rotated"]);
  assert.deepEqual(kinds(histories.get("new")), ["opened"]);
});

const times = [
  [0.008, "8 ms"],
  [0.25, "0.3 s"],
  [11.2, "11 s"],
  [119, "119 s"],
  [600, "10 min"],
  [-1, ""],
];
for (const [seconds, text] of times) {
  test(`${seconds} seconds after the previous event is shown as "${text}"`, () => {
    const events = [opened("a", 0), rotated("a", 1, seconds)];
    assert.deepEqual([sinceBefore(events, 0), sinceBefore(events, 1)], ["", text]);
  });
}

test("the texts of an event name its generations", () => {
  assert.deepEqual(
    [briefOf(opened("a", 0)), briefOf(rotated("a", 3, 1)), briefOf(reused("a", 1, 3, 2))],
    ["generation 0", "2 → 3", "generation 1"],
  );
  assert.equal(sentenceOf(rotated("a", 3, 1)), "Generation 2 was exchanged for generation 3.");
});

test("an unknown reason is shown with spaces instead of underscores", () => {
  const revoked = { event: "revoked", session_id: "a", reason: "row_tampered", generation: 1, at: at(0) };
  assert.equal(sentenceOf(revoked), "The session was revoked (row tampered).");
});
