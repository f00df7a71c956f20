"use strict";
// Follows the issuer's list of revocations as it grows. A piece is believed for its signature and taken only if
// it goes on where the last one ended, so nothing can be left out on the way unnoticed; the newest piece's `iat`
// is how recent the list is. Whether that is recent enough is for each guard to say.

const { setTimeout: sleep } = require("node:timers/promises");

const { readEvents } = require("./event-stream.js");
const { get, getText } = require("./http.js");
const { pauseAfter, retryAfter } = require("./pause.js");
const { verifyPiece } = require("./piece.js");
const { Revoked } = require("./revoked.js");

class RevocationFollower {
  #source;
  #keys;
  #world;
  #revoked;
  /** Where the list goes on; `null`: from its beginning. */
  #cursor = null;
  /** Up to which second the list is known to be complete. */
  #provenAt = -Infinity;
  #trouble;
  /** Attempts since a piece last came by the stream. */
  #failures = 0;
  #stop = new AbortController();
  #resolveReady;
  #resolveTried;

  /** Settled when the list is known for the first time. */
  ready = new Promise((resolve) => (this.#resolveReady = resolve));

  /** Settled when the first attempt has come to something: the list, a failure, or a long silence. */
  tried = new Promise((resolve) => (this.#resolveTried = resolve));

  constructor({ issuer, server }, keys, world) {
    this.#source = { issuer, list: `${server}/revocations`, url: `${server}/revocations/stream` };
    this.#keys = keys;
    this.#world = world;
    this.#revoked = new Revoked(world.limits);
    this.#run();
    setTimeout(this.#resolveTried, world.limits.firstWait).unref();
  }

  /** Whether the session of these claims was revoked, as far as is known. */
  covers(claims) {
    return this.#revoked.covers(claims);
  }

  /** By how many seconds the list may be out of date; infinitely many before it is known. */
  get behind() {
    const { now, limits } = this.#world;
    const age = now() - this.#provenAt;
    // A clock that was set back proves nothing.
    return age < -limits.clockTolerance ? Infinity : Math.max(0, age);
  }

  /** Why the stream was last lost; `undefined` while it is there. */
  get trouble() {
    return this.#trouble;
  }

  get status() {
    const behind = Number.isFinite(this.behind) ? this.behind : null;
    return { entries: this.#revoked.size, behind, trouble: this.#trouble?.message };
  }

  close() {
    this.#stop.abort();
  }

  /** Never rejects. */
  async #run() {
    while (!this.#stop.signal.aborted) {
      this.#trouble = await this.#listen();
      const pause = pauseAfter(this.#failures, this.#world);
      this.#failures += 1;
      await this.#ask(Math.max(pause, this.#trouble.retryAfter ?? 0));
    }
  }

  /** Asks for the list now and then, until it is time to try the stream again. */
  async #ask(milliseconds) {
    const { limits, random } = this.#world;
    const until = performance.now() + milliseconds;
    for (let left = milliseconds; left > 0 && !this.#stop.signal.aborted; left = until - performance.now()) {
      await this.#list().catch(() => {});
      this.#resolveTried();
      await this.#rest(Math.min(left, limits.listInterval * (0.8 + 0.4 * random())));
    }
  }

  /** Everything on the list that is not known yet. */
  async #list() {
    const { eventLength: size, listTimeout: timeout } = this.#world.limits;
    for (let goesOn = true; goesOn;) {
      const after = this.#cursor === null ? "" : `?after=${encodeURIComponent(this.#cursor)}`;
      const bounds = { accept: "application/revocations+jwt", size, timeout };
      goesOn = await this.#take(await getText(`${this.#source.list}${after}`, bounds));
    }
  }

  /** One connection, to its end. Answers why it ended. */
  async #listen() {
    const connection = new AbortController();
    const abort = () => connection.abort();
    this.#stop.signal.addEventListener("abort", abort);
    const watchdog = setTimeout(abort, this.#world.limits.streamIdle).unref();
    try {
      const stream = await this.#open(connection.signal);
      for await (const event of readEvents(stream, this.#world.limits.eventLength)) {
        if (event.type !== "revocations") continue;
        await this.#take(event.data);
        this.#failures = 0;
        watchdog.refresh();
      }
      return new Error("the stream ended");
    } catch (error) {
      return connection.signal.aborted ? new Error("the stream was silent") : error;
    } finally {
      this.#stop.signal.removeEventListener("abort", abort);
      clearTimeout(watchdog);
      abort();
    }
  }

  async #open(signal) {
    const headers = { accept: "text/event-stream" };
    if (this.#cursor !== null) headers["last-event-id"] = this.#cursor;
    const response = await get(this.#source.url, { headers, signal });
    const type = response.headers["content-type"] ?? "";
    if (response.statusCode === 200 && type.startsWith("text/event-stream")) return response;
    // 400: a cursor that the server no longer understands.
    if (response.statusCode === 400) this.#cursor = null;
    const error = new Error(`${this.#source.url} answered ${response.statusCode} ${type}`.trimEnd());
    error.retryAfter = retryAfter(response.headers["retry-after"] ?? "", this.#world);
    throw error;
  }

  /** Takes a piece in; answers whether there are more. */
  async #take(text) {
    const piece = await verifyPiece(text, this.#source.issuer, { keys: this.#keys, world: this.#world });
    if (piece.after !== null && piece.after !== this.#cursor) throw new Error("a piece of the list is missing");
    // By the server's clock, and a little later: a wrong clock here forgets nothing.
    const now = piece.iat - this.#world.limits.clockTolerance;
    this.#revoked.sweep(now);
    const isAll = this.#revoked.add(piece.revocations, now);
    if (!isAll) throw new Error("the list of revocations does not fit into memory");
    this.#cursor = piece.cursor;
    if (piece.more) return true;
    this.#provenAt = Math.max(this.#provenAt, piece.iat);
    this.#trouble = undefined;
    this.#resolveReady();
    this.#resolveTried();
    return false;
  }

  /** Ends early when the follower is closed. */
  async #rest(milliseconds) {
    await sleep(milliseconds, undefined, { ref: false, signal: this.#stop.signal }).catch(() => {});
  }
}

module.exports = { RevocationFollower };
