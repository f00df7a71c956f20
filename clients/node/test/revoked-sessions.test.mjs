// The stored entries of the revocation list: they stay until they expire, and their number is limited.
import assert from "node:assert/strict";
import { test } from "node:test";
import limits from "../src/limits.js";
import { RevokedSessions } from "../src/revoked-sessions.js";
import { SessionTable } from "../src/session-table.js";
import { sessionId } from "./support/fake-issuer.mjs";

const NOW = 1_800_000_000;
const revoked = (changes = {}) => new RevokedSessions({ ...limits, ...changes });

test("a table finds exactly the added ids, also after it grows and removes expired ones", () => {
  const table = new SessionTable(100_000);
  const entries = Array.from({ length: 20_000 }, (_, index) => ({ sid: sessionId(), exp: NOW + 1 + (index % 7) }));
  for (const { sid, exp } of entries) assert.equal(table.add(sid, exp, NOW), true);
  assert.equal(table.size, 20_000);
  for (let now = NOW; now <= NOW + 7; now += 1) {
    table.sweep(now);
    const unexpired = entries.filter(({ exp }) => exp > now);
    assert.equal(table.size, unexpired.length);
    assert.ok(entries.every(({ sid, exp }) => table.has(sid) === exp > now));
  }
  assert.equal(table.has(sessionId()), false);
});

test("distinguishes ids that differ in one digit", () => {
  const table = new SessionTable(10);
  const sid = sessionId();
  table.add(sid, NOW + 1, NOW);
  for (let at = 0; at < sid.length; at += 1) {
    if (sid[at] === "-") continue;
    const other = sid.slice(0, at) + (sid[at] === "0" ? "1" : "0") + sid.slice(at + 1);
    assert.equal(table.has(other), false, other);
  }
  const nil = "00000000-0000-0000-0000-000000000000";
  assert.equal(table.has(nil), false);
  table.add(nil, NOW + 1, NOW);
  assert.deepEqual([table.has(nil), table.has(sid), table.size], [true, true, 2]);
});

test("a repeated entry counts once and keeps the later exp", () => {
  const table = new SessionTable(10);
  const sid = sessionId();
  for (const exp of [NOW + 5, NOW + 9, NOW + 1]) table.add(sid, exp, NOW);
  assert.equal(table.size, 1);
  table.sweep(NOW + 8);
  assert.equal(table.has(sid), true);
  table.sweep(NOW + 9);
  assert.equal(table.has(sid), false);
});

test("a full table accepts a new id only after another one has expired", () => {
  const table = new SessionTable(3);
  const [known, ...others] = Array.from({ length: 3 }, () => sessionId());
  table.add(known, NOW + 1, NOW);
  for (const sid of others) table.add(sid, NOW + 9, NOW);
  const late = sessionId();
  assert.equal(table.add(late, NOW + 9, NOW), false);
  assert.equal(table.add(known, NOW + 1, NOW), true);
  assert.equal(table.add(late, NOW + 9, NOW + 1), true);
  assert.deepEqual([table.has(known), table.has(late), table.size], [false, true, 3]);
});

test("a million revoked sessions take at most 42 MB, and the next one does not fit", () => {
  const table = new SessionTable(limits.revokedSessions);
  const sid = (index) => `018bcfe5-6801-7bed-8707-${index.toString(16).padStart(12, "0")}`;
  for (let index = 0; index < limits.revokedSessions; index += 1) table.add(sid(index), NOW + 1, NOW);
  assert.deepEqual([table.size, table.has(sid(999_999)), table.has(sid(1_000_000))], [1_000_000, true, false]);
  assert.equal(table.add(sid(1_000_000), NOW + 1, NOW), false);
  assert.equal(table.size, 1_000_000);
  assert.ok(table.bytes <= 42_000_000, String(table.bytes));
});

test("does not store entries that have already expired", () => {
  const list = revoked();
  assert.equal(
    list.add(
      [
        { exp: NOW, sid: sessionId() },
        { exp: NOW, up_to: sessionId() },
      ],
      NOW,
    ),
    true,
  );
  assert.equal(list.size, 0);
});

test("removes expired ranges at most once a minute", () => {
  const list = revoked();
  const claims = { sid: sessionId(), sub: "1", client_id: "shop" };
  list.sweep(NOW);
  list.add(
    [
      { exp: NOW + 10, up_to: sessionId(), sub: "1" },
      { exp: NOW + 90, up_to: sessionId(), sub: "2" },
    ],
    NOW,
  );
  list.sweep(NOW + 59);
  assert.deepEqual([list.size, list.isRevoked(claims)], [2, true]);
  list.sweep(NOW + 60);
  assert.deepEqual([list.size, list.isRevoked(claims)], [1, false]);
});

test("a range replaces the ranges that it includes", () => {
  const list = revoked();
  const [first, second] = [sessionId(), sessionId()];
  const add = (entry) => list.add([{ exp: NOW + 10, sub: "1", ...entry }], NOW);
  add({ up_to: first, except: first });
  add({ up_to: second, except: first });
  assert.equal(list.size, 1);
  assert.equal(list.isRevoked({ sid: first, sub: "1", client_id: "" }), false);
  add({ up_to: second });
  add({ up_to: first });
  assert.equal(list.size, 1);
  assert.equal(list.isRevoked({ sid: first, sub: "1", client_id: "" }), true);
  add({ up_to: second, exp: NOW + 20 });
  assert.equal(list.size, 1);
  add({ up_to: first, exp: NOW + 30 });
  assert.equal(list.size, 2);
});

test("limits the number of ranges, and removes expired ones to make room", () => {
  const list = revoked({ revokedRanges: 2 });
  const range = (sub, exp) => ({ exp, up_to: sessionId(), sub });
  assert.equal(list.add([range("1", NOW + 1), range("2", NOW + 9)], NOW), true);
  assert.equal(list.add([range("3", NOW + 9)], NOW), false);
  assert.equal(list.size, 2);
  assert.equal(list.add([range("3", NOW + 9)], NOW + 1), true);
});

test("a user id equal to a client id or to an internal key does not match it", () => {
  const list = revoked();
  list.add([{ exp: NOW + 1, up_to: sessionId(), client_id: "all sessions" }], NOW);
  const claims = { sid: "018bcfe5-6801-7bed-8707-000000000000", sub: "all sessions", client_id: "shop" };
  assert.equal(list.isRevoked(claims), false);
  assert.equal(list.isRevoked({ ...claims, client_id: "all sessions" }), true);
});
