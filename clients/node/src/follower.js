"use strict";
// Follows the issuer's list of revocations as it grows: by a stream, and by asking for the list again and again
// while the stream brings nothing new. A piece is believed for its signature and taken only if it goes on where the
// last one ended, so nothing can be left out on the way unnoticed; the newest piece's `iat` is how recent the list
// is. Whether that is recent enough is for each guard to say.

const { setTimeout: sleep } = require("node:timers/promises");

const { readEvents } = require("./event-stream.js");
const { getText, isOf, unexpected } = require("./http.js");
const { pauseAfter, retryAfter } = require("./pause.js");
const { verifyPiece } = require("./piece.js");
const { Revoked } = require("./revoked.js");

class RevocationFollower {
  #source;
  #keys;
  #transport;
  #log;
  #world;
  #revoked;
  /** Where the list goes on; `null`: from its beginning. */
  #cursor = null;
  /** Up to which second the list is known to be complete. */
  #provenAt = -Infinity;
  /** Why the stream was last lost; `undefined` while it is there. */
  #streamTrouble;
  /** Why the list could not be had when it was last asked for; `undefined` while nobody has to ask. */
  #listTrouble;
  /** Attempts since the stream last brought the list up to date. */
  #failures = 0;
  /** Ends the asking for the list; `undefined` while nobody asks. */
  #polling;
  #stop = new AbortController();
  #resolveReady;
  #resolveTried;

  /** Settled when the list is known for the first time. */
  ready = new Promise((resolve) => (this.#resolveReady = resolve));

  /** Settled when the first attempt has come to something: the list, a failure, or a long silence. */
  tried = new Promise((resolve) => (this.#resolveTried = resolve));

  constructor({ issuer, server }, { keys, transport, log, world }) {
    this.#source = { issuer, list: `${server}/revocations`, url: `${server}/revocations/stream` };
    this.#keys = keys;
    this.#transport = transport;
    this.#log = log;
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
    return this.#ageOf(this.#provenAt);
  }

  /** Seconds since a second of the issuer's clock. A clock that was set back here proves nothing. */
  #ageOf(iat) {
    const { now, limits } = this.#world;
    const age = now() - iat;
    return age < -limits.clockTolerance ? Infinity : Math.max(0, age);
  }

  /** Why the stream was last lost, and why the list is not to be had either; `undefined` while all is well. */
  get trouble() {
    const [stream, list] = [this.#streamTrouble, this.#listTrouble];
    if (!list) return stream;
    if (stream?.message === list.message) return list;
    const why = `the list cannot be fetched: ${list.message}`;
    return new Error(stream ? `${stream.message}; ${why}` : why, { cause: list });
  }

  /** Tokens are refused because the list is too old for a guard. */
  reportRefusing() {
    this.#log.report("revocations", this.trouble?.message ?? "nothing recent has arrived", true);
  }

  get status() {
    const behind = Number.isFinite(this.behind) ? this.behind : null;
    return { entries: this.#revoked.size, behind, trouble: this.trouble?.message };
  }

  close() {
    this.#stop.abort();
    this.#polling?.abort();
  }

  /** Never rejects. */
  async #run() {
    while (!this.#stop.signal.aborted) {
      this.#streamTrouble = await this.#listen();
      this.#poll();
      const pause = pauseAfter(this.#failures, this.#world);
      this.#failures += 1;
      await rest(Math.max(pause, this.#askedFor(this.#streamTrouble)), this.#stop.signal);
    }
  }

  /** One connection, to its end. Answers why it ended. */
  async #listen() {
    const { eventLength, streamIdle, streamQuiet } = this.#world.limits;
    const connection = new AbortController();
    const abort = () => connection.abort();
    this.#stop.signal.addEventListener("abort", abort);
    const watchdog = setTimeout(abort, streamIdle).unref();
    const quiet = setTimeout(() => this.#poll(), streamQuiet).unref();
    try {
      // The stream goes on from its own last piece, wherever the list was asked for up to meanwhile.
      let place = this.#cursor;
      const stream = await this.#open(place, connection.signal);
      for await (const event of readEvents(stream, eventLength)) {
        if (event.type !== "revocations") continue;
        const piece = await this.#take(event.data, place);
        place = piece.cursor;
        watchdog.refresh();
        if (!this.#isNews(piece)) continue;
        this.#hear();
        quiet.refresh();
      }
      return new Error("the stream ended");
    } catch (error) {
      return connection.signal.aborted ? new Error("the stream was silent") : error;
    } finally {
      this.#stop.signal.removeEventListener("abort", abort);
      clearTimeout(watchdog);
      clearTimeout(quiet);
      abort();
    }
  }

  /** Whether a piece brings the list up to date. One that was kept back on the way is as good as silence. */
  #isNews({ iat, more }) {
    return !more && this.#ageOf(iat) * 1000 <= this.#world.limits.streamQuiet;
  }

  /** The stream is there: nobody needs to ask for the list. */
  #hear() {
    this.#failures = 0;
    this.#streamTrouble = undefined;
    this.#listTrouble = undefined;
    this.#polling?.abort();
    this.#polling = undefined;
  }

  /** Asks for the list every few seconds until the stream brings news. Never rejects. */
  async #poll() {
    if (this.#polling || this.#stop.signal.aborted) return;
    const { signal } = (this.#polling = new AbortController());
    const { limits, random } = this.#world;
    // By chance, because the APIs that a server lost together would otherwise ask together.
    await rest(random() * limits.shortestPause, signal);
    while (!signal.aborted) {
      const trouble = await this.#askForAll(signal).catch((error) => error);
      if (!signal.aborted) this.#noteList(trouble);
      this.#resolveTried();
      const pause = limits.listInterval * (0.8 + 0.4 * random());
      await rest(Math.max(pause, this.#askedFor(trouble)), signal);
    }
  }

  /** A short absence of the server is not worth a line in the log. */
  #noteList(trouble) {
    this.#listTrouble = trouble;
    if (trouble && this.behind > this.#world.limits.freshFor) this.#log.report("revocations", this.trouble.message, false);
  }

  /**
   * Asks for everything on the list that is not known yet. A list goes on from piece to piece and begins once at
   * most. Two servers at one address, who know nothing of each other, would begin without end.
   */
  async #askForAll(signal) {
    let place = this.#cursor;
    let hasBegun = false;
    for (let more = true; more && !signal.aborted;) {
      const piece = await this.#take(await this.#ask(place), place);
      more = piece.more;
      const isFirst = piece.after === null;
      const goesOn = piece.cursor !== place && !(isFirst && hasBegun);
      if (more && !goesOn) throw new Error("the list does not go on");
      hasBegun ||= isFirst;
      place = piece.cursor;
    }
  }

  /** Milliseconds for which a server that refused wants to be left alone. */
  #askedFor(trouble) {
    return retryAfter(trouble?.retryAfter, this.#world);
  }

  /** The piece after a place, as it came. */
  async #ask(place) {
    const { pieceSize: size, listTimeout: timeout } = this.#world.limits;
    const query = place === null ? "" : `?after=${encodeURIComponent(place)}`;
    const type = "application/revocations+jwt";
    try {
      return await getText(this.#transport, `${this.#source.list}${query}`, { accept: type, type, size, timeout });
    } catch (error) {
      this.#forgetCursorAfter(error.statusCode);
      throw error;
    }
  }

  async #open(place, signal) {
    const headers = { accept: "text/event-stream" };
    if (place !== null) headers["last-event-id"] = place;
    const response = await this.#transport(this.#source.url, { headers, signal });
    if (isOf("text/event-stream", response)) return response;
    this.#forgetCursorAfter(response.statusCode);
    throw unexpected(this.#source.url, response);
  }

  /** 400 is the answer to a cursor that the server no longer understands. */
  #forgetCursorAfter(statusCode) {
    if (statusCode === 400) this.#cursor = null;
  }

  /** Takes a piece in that goes on from a place, up to which everything is known; answers the piece. */
  async #take(text, place) {
    const piece = await verifyPiece(text, this.#source.issuer, { keys: this.#keys, world: this.#world });
    if (piece.after !== null && piece.after !== place) throw new Error("a piece of the list is missing");
    // By the server's clock, and a little later: a wrong clock here forgets nothing.
    const now = piece.iat - this.#world.limits.clockTolerance;
    this.#revoked.sweep(now);
    const isAll = this.#revoked.add(piece.revocations, now);
    if (!isAll) throw new Error("the list of revocations does not fit into memory");
    this.#cursor = piece.cursor;
    if (!piece.more) this.#complete(piece.iat);
    return piece;
  }

  /** The list is known as it was at a second. */
  #complete(iat) {
    this.#provenAt = Math.max(this.#provenAt, iat);
    if (this.behind <= this.#world.limits.freshFor) this.#log.clear("revocations");
    this.#resolveReady();
    this.#resolveTried();
  }
}

/** Keeps no process alive, and ends early with the signal. */
async function rest(milliseconds, signal) {
  await sleep(milliseconds, undefined, { ref: false, signal }).catch(() => {});
}

module.exports = { RevocationFollower };
