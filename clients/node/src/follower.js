"use strict";
// Follows the issuer's list of revocations as it grows: by a stream, and by asking for the list again and again
// while the stream brings nothing new. A piece is believed for its signature and taken only if it goes on where the
// last one ended, so nothing can be left out on the way unnoticed; the newest piece's `iat` is how recent the list
// is. Whether that is recent enough is for each guard to say.

const { setTimeout: sleep } = require("node:timers/promises");

const { readEvents } = require("./event-stream.js");
const { getText, isExpectedResponse, unexpectedResponse } = require("./http.js");
const { parseRetryAfter, retryDelay } = require("./retry-delay.js");
const { verifyRevocationPage } = require("./revocation-page.js");
const { RevokedSessions } = require("./revoked-sessions.js");

class RevocationFollower {
  #source;
  #keys;
  #transport;
  #log;
  #runtime;
  #revoked;
  /** Where the list goes on; `null`: from its beginning. */
  #cursor = null;
  /** Up to which second the list is known to be complete. */
  #completeAsOf = -Infinity;
  /** Why the stream was last lost; `undefined` while it is there. */
  #streamError;
  /** Why the list could not be had when it was last asked for; `undefined` while nobody has to ask. */
  #listError;
  /** Attempts since the stream last brought the list up to date. */
  #failures = 0;
  /** Ends the asking for the list; `undefined` while nobody asks. */
  #polling;
  #stop = new AbortController();
  #resolveReady;
  #resolveFirstAttempt;

  /** Settled when the list is known for the first time. */
  ready = new Promise((resolve) => (this.#resolveReady = resolve));

  /** Settled when the first attempt has come to something: the list, a failure, or a long silence. */
  firstAttempt = new Promise((resolve) => (this.#resolveFirstAttempt = resolve));

  constructor({ issuer, server }, { keys, transport, log, runtime }) {
    this.#source = { issuer, list: `${server}/revocations`, url: `${server}/revocations/stream` };
    this.#keys = keys;
    this.#transport = transport;
    this.#log = log;
    this.#runtime = runtime;
    this.#revoked = new RevokedSessions(runtime.limits);
    this.#run();
    setTimeout(this.#resolveFirstAttempt, runtime.limits.startupWait).unref();
  }

  /** Whether the session of these claims was revoked, as far as is known. */
  isRevoked(claims) {
    return this.#revoked.isRevoked(claims);
  }

  /** By how many seconds the list may be out of date; infinitely many before it is known. */
  get behind() {
    return this.#ageOf(this.#completeAsOf);
  }

  /** Seconds since a second of the issuer's clock. A clock that was set back here proves nothing. */
  #ageOf(iat) {
    const { now, limits } = this.#runtime;
    const age = now() - iat;
    return age < -limits.clockTolerance ? Infinity : Math.max(0, age);
  }

  /** Why the stream was last lost, and why the list is not to be had either; `undefined` while all is well. */
  get error() {
    const [stream, list] = [this.#streamError, this.#listError];
    if (!list) return stream;
    if (stream?.message === list.message) return list;
    const why = `the list cannot be fetched: ${list.message}`;
    return new Error(stream ? `${stream.message}; ${why}` : why, { cause: list });
  }

  /** Tokens are refused because the list is too old for a guard. */
  reportUnavailable() {
    this.#log.report("revocations", this.error?.message ?? "nothing recent has arrived", true);
  }

  get status() {
    const behind = Number.isFinite(this.behind) ? this.behind : null;
    return { entries: this.#revoked.size, behind, error: this.error?.message };
  }

  close() {
    this.#stop.abort();
    this.#polling?.abort();
  }

  /** Never rejects. */
  async #run() {
    while (!this.#stop.signal.aborted) {
      this.#streamError = await this.#readStream();
      this.#poll();
      const pause = retryDelay(this.#failures, this.#runtime);
      this.#failures += 1;
      await wait(Math.max(pause, this.#requestedDelay(this.#streamError)), this.#stop.signal);
    }
  }

  /** One connection, to its end. Answers why it ended. */
  async #readStream() {
    const { eventLength, streamTimeout, pollAfterSilence } = this.#runtime.limits;
    const connection = new AbortController();
    const abort = () => connection.abort();
    this.#stop.signal.addEventListener("abort", abort);
    const watchdog = setTimeout(abort, streamTimeout).unref();
    const quiet = setTimeout(() => this.#poll(), pollAfterSilence).unref();
    try {
      // The stream goes on from its own last page, wherever the list was asked for up to meanwhile.
      let cursor = this.#cursor;
      const stream = await this.#openStream(cursor, connection.signal);
      for await (const event of readEvents(stream, eventLength)) {
        if (event.type !== "revocations") continue;
        const page = await this.#acceptPage(event.data, cursor);
        cursor = page.cursor;
        watchdog.refresh();
        if (!this.#isCurrent(page)) continue;
        this.#markStreamCurrent();
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
  #isCurrent({ iat, more }) {
    return !more && this.#ageOf(iat) * 1000 <= this.#runtime.limits.pollAfterSilence;
  }

  /** The stream is there: nobody needs to ask for the list. */
  #markStreamCurrent() {
    this.#failures = 0;
    this.#streamError = undefined;
    this.#listError = undefined;
    this.#polling?.abort();
    this.#polling = undefined;
  }

  /** Asks for the list every few seconds until the stream brings news. Never rejects. */
  async #poll() {
    if (this.#polling || this.#stop.signal.aborted) return;
    const { signal } = (this.#polling = new AbortController());
    const { limits, random } = this.#runtime;
    // By chance, because the APIs that a server lost together would otherwise ask together.
    await wait(random() * limits.shortestRetryDelay, signal);
    while (!signal.aborted) {
      const trouble = await this.#fetchList(signal).catch((error) => error);
      if (!signal.aborted) this.#recordListResult(trouble);
      this.#resolveFirstAttempt();
      const pause = limits.listInterval * (0.8 + 0.4 * random());
      await wait(Math.max(pause, this.#requestedDelay(trouble)), signal);
    }
  }

  /** A short absence of the server is not worth a line in the log. */
  #recordListResult(trouble) {
    this.#listError = trouble;
    if (trouble && this.behind > this.#runtime.limits.staleAfter) this.#log.report("revocations", this.error.message, false);
  }

  /**
   * Asks for everything on the list that is not known yet. A list goes on from piece to piece and begins once at
   * most. Two servers at one address, who know nothing of each other, would begin without end.
   */
  async #fetchList(signal) {
    let cursor = this.#cursor;
    let hasStarted = false;
    for (let more = true; more && !signal.aborted;) {
      const page = await this.#acceptPage(await this.#fetchPage(cursor), cursor);
      more = page.more;
      const isStart = page.after === null;
      const isProgress = page.cursor !== cursor && !(isStart && hasStarted);
      if (more && !isProgress) throw new Error("the list does not go on");
      hasStarted ||= isStart;
      cursor = page.cursor;
    }
  }

  /** Milliseconds for which a server that refused wants to be left alone. */
  #requestedDelay(trouble) {
    return parseRetryAfter(trouble?.retryAfter, this.#runtime);
  }

  /** The piece after a cursor, as it came. */
  async #fetchPage(cursor) {
    const { pageSize: size, listTimeout: timeout } = this.#runtime.limits;
    const query = cursor === null ? "" : `?after=${encodeURIComponent(cursor)}`;
    const type = "application/revocations+jwt";
    try {
      return await getText(this.#transport, `${this.#source.list}${query}`, { accept: type, type, size, timeout });
    } catch (error) {
      this.#forgetCursorAfter(error.statusCode);
      throw error;
    }
  }

  async #openStream(cursor, signal) {
    const headers = { accept: "text/event-stream" };
    if (cursor !== null) headers["last-event-id"] = cursor;
    const response = await this.#transport(this.#source.url, { headers, signal });
    if (isExpectedResponse("text/event-stream", response)) return response;
    this.#forgetCursorAfter(response.statusCode);
    throw unexpectedResponse(this.#source.url, response);
  }

  /** 400 is the answer to a cursor that the server no longer understands. */
  #forgetCursorAfter(statusCode) {
    if (statusCode === 400) this.#cursor = null;
  }

  /** Takes a piece in that goes on from a cursor, up to which everything is known; answers the page. */
  async #acceptPage(text, cursor) {
    const page = await verifyRevocationPage(text, this.#source.issuer, { keys: this.#keys, runtime: this.#runtime });
    if (page.after !== null && page.after !== cursor) throw new Error("a piece of the list is missing");
    // By the server's clock, and a little later: a wrong clock here forgets nothing.
    const now = page.iat - this.#runtime.limits.clockTolerance;
    this.#revoked.sweep(now);
    const isAll = this.#revoked.add(page.revocations, now);
    if (!isAll) throw new Error("the list of revocations does not fit into memory");
    this.#cursor = page.cursor;
    if (!page.more) this.#markComplete(page.iat);
    return page;
  }

  /** The list is known as it was at a second. */
  #markComplete(iat) {
    this.#completeAsOf = Math.max(this.#completeAsOf, iat);
    if (this.behind <= this.#runtime.limits.staleAfter) this.#log.clear("revocations");
    this.#resolveReady();
    this.#resolveFirstAttempt();
  }
}

/** Keeps no process alive, and ends early with the signal. */
async function wait(milliseconds, signal) {
  await sleep(milliseconds, undefined, { ref: false, signal }).catch(() => {});
}

module.exports = { RevocationFollower };
