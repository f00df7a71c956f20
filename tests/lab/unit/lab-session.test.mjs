// The page's session, and the events of all sessions.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const { LabSession } = await import("../../../crates/countersign/lab/lab-session.js");

let source;
globalThis.EventSource = class extends EventTarget {
  static OPEN = 1;
  static CLOSED = 2;
  readyState = 0;

  constructor(url) {
    super();
    this.url = url;
    source = this;
  }

  close() {
    this.readyState = EventSource.CLOSED;
  }

  tell(event, lastEventId) {
    this.dispatchEvent(Object.assign(new Event(event.event), { data: JSON.stringify(event), lastEventId }));
  }
};

const pair = (session_id, generation) => ({
  access_token: `access ${generation}`,
  refresh_token: `refresh ${generation}`,
  session_id,
  expires_in: 30,
});

/** Returns the queued responses in order, and records the calls. */
class Server {
  setup = { client_id: "lab" };
  asked = [];
  answers = [];

  async call(method, path, { json } = {}) {
    this.asked.push([method, path, json]);
    return this.answers.shift();
  }
}

let server;
let lab;
let changes;

beforeEach(() => {
  server = new Server();
  lab = new LabSession(server);
  changes = 0;
  lab.addEventListener("change", () => (changes += 1));
});

test("a refresh presents the current token, and its response becomes the pair", async () => {
  server.answers.push({ status: 201, json: pair("s", 0) }, { status: 200, json: pair("s", 1) });
  await lab.open();
  await lab.refresh();
  assert.deepEqual(server.asked[1], ["POST", "/v1/sessions/refresh", { refresh_token: "refresh 0", client_id: "lab" }]);
  assert.deepEqual([lab.pair.refreshToken, lab.pair.ended, changes], ["refresh 1", null, 2]);
});

test("a rejected refresh does not change the pair", async () => {
  server.answers.push({ status: 201, json: pair("s", 0) }, { status: 401, json: { code: "invalid_refresh_token" } });
  await lab.open();
  await lab.refresh();
  assert.equal(lab.pair.refreshToken, "refresh 0");
});

test("after a sign-out the pair is kept and marked as ended", async () => {
  server.answers.push({ status: 201, json: pair("s", 0) }, { status: 204 });
  await lab.open();
  await lab.signOut();
  assert.deepEqual([lab.pair.accessToken, lab.pair.ended, lab.pair.reason], ["access 0", "revoked", "signed_out"]);
});

test("a sign-out that the server does not confirm leaves the session open", async () => {
  server.answers.push({ status: 201, json: pair("s", 0) }, { status: 503 });
  await lab.open();
  await lab.signOut();
  assert.equal(lab.pair.ended, null);
});

test("only events of the page's session change the pair", async () => {
  server.answers.push({ status: 201, json: pair("mine", 0) });
  await lab.open();
  lab.follow();
  source.tell({ event: "reused", session_id: "other", at: "1" }, "1-a");
  assert.equal(lab.pair.ended, null);
  source.tell({ event: "reused", session_id: "mine", at: "2" }, "2-a");
  assert.equal(lab.pair.ended, "reused");
});

test("toldOfEnd waits for the reason of the end, for a limited time", async (t) => {
  server.answers.push({ status: 201, json: pair("mine", 0) }, { status: 201, json: pair("next", 0) });
  await lab.open();
  lab.follow();
  const told = lab.toldOfEnd();
  source.tell({ event: "revoked", session_id: "mine", at: "2", reason: "ended_by_admin" }, "2-a");
  await told;
  assert.deepEqual([lab.pair.ended, lab.pair.reason], ["revoked", "ended_by_admin"]);

  await lab.open();
  const alive = setTimeout(() => {}, 5_000);
  t.after(() => clearTimeout(alive));
  await lab.toldOfEnd();
  assert.equal(lab.pair.ended, null);
});

test("ends of sessions that a restarted server repeats are kept once", () => {
  const heard = [];
  lab.addEventListener("event", ({ detail }) => heard.push(detail.event));
  lab.follow();
  source.tell({ event: "opened", session_id: "s", at: "1" }, "1-a");
  source.tell({ event: "revoked", session_id: "s", at: "2" }, "2-a");
  source.tell({ event: "gap" }, "0-b");
  source.tell({ event: "revoked", session_id: "s", at: "9" }, "1-b");
  source.tell({ event: "opened", session_id: "t", at: "9" }, "2-b");
  source.tell({ event: "gap" }, "0-c");
  assert.deepEqual(heard, ["opened", "revoked", "gap", "opened", "gap"]);
  assert.deepEqual(
    lab.events.map(({ event }) => event),
    heard,
  );
});

test("a reconnect resumes after the last event received", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  lab.follow();
  assert.equal(source.url, "/v1/lab/events");
  source.tell({ event: "opened", session_id: "s", at: "1" }, "7-a b");
  source.dispatchEvent(new Event("error"));
  assert.equal(lab.isFollowing, false, "one stream at a time");
  t.mock.timers.tick(1_000);
  assert.equal(source.url, "/v1/lab/events?after=7-a%20b");
});

test("only the newest five hundred events are kept", () => {
  lab.follow();
  for (let index = 0; index < 501; index += 1)
    source.tell({ event: "opened", session_id: `s${index}`, at: "1" }, `${index}-a`);
  assert.deepEqual([lab.events.length, lab.events[0].session_id, lab.events.at(-1).session_id], [500, "s1", "s500"]);
});
