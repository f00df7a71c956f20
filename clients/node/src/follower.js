"use strict";
// Follows the issuer's revocation list over a stream of server-sent events. While the stream brings no recent page,
// the follower also polls the list. It accepts a page only if the signature is valid and the page continues at the
// cursor of the page before, so an attacker on the network cannot forge or omit entries. The `iat` of the newest
// page says how recent the list is. Each guard decides which age it accepts.

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
  /** The cursor of the newest page; `null` requests the list from its start. */
  #cursor = null;
  /** The list is complete up to this time, in seconds since 1970. */
  #completeAsOf = -Infinity;
  /** Why the last stream failed; `undefined` while the stream is up to date. */
  #streamError;
  /** Why the last poll failed; `undefined` after a successful poll and while the stream is up to date. */
  #listError;
  /** Connection attempts since the stream was last up to date. */
  #failures = 0;
  /** Stops the polling; `undefined` while the follower does not poll. */
  #polling;
  #stop = new AbortController();
  #resolveReady;
  #resolveFirstAttempt;

  /** Resolves when the list is complete for the first time. */
  ready = new Promise((resolve) => (this.#resolveReady = resolve));

  /** Resolves when the list is complete, the first poll has failed, or `startupWait` is over. */
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

  /** Whether the list, as far as it has arrived, revokes the session of these claims. */
  isRevoked(claims) {
    return this.#revoked.isRevoked(claims);
  }

  /** The age of the list in seconds; `Infinity` before the list is complete for the first time. */
  get behind() {
    return this.#ageOf(this.#completeAsOf);
  }

  /** Seconds since `iat`. If `iat` is in the future, this machine's clock is wrong and the age is unknown: `Infinity`. */
  #ageOf(iat) {
    const { now, limits } = this.#runtime;
    const age = now() - iat;
    return age < -limits.clockTolerance ? Infinity : Math.max(0, age);
  }

  /** Why the stream failed, and why polling fails as well; `undefined` while neither fails. */
  get error() {
    const [stream, list] = [this.#streamError, this.#listError];
    if (!list) return stream;
    if (stream?.message === list.message) return list;
    const reason = `the revocation list cannot be fetched: ${list.message}`;
    return new Error(stream ? `${stream.message}; ${reason}` : reason, { cause: list });
  }

  /** A guard calls this when it rejects a request because the list is too old. */
  reportUnavailable() {
    this.#log.report("revocations", this.error?.message ?? "no recent page has arrived", true);
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
      const delay = retryDelay(this.#failures, this.#runtime);
      this.#failures += 1;
      await wait(Math.max(delay, this.#requestedDelay(this.#streamError)), this.#stop.signal);
    }
  }

  /** Reads one stream until it ends and returns the reason as an error. Never rejects. */
  async #readStream() {
    const { eventLength, streamTimeout, pollAfterSilence } = this.#runtime.limits;
    const connection = new AbortController();
    const abort = () => connection.abort();
    this.#stop.signal.addEventListener("abort", abort);
    const watchdog = setTimeout(abort, streamTimeout).unref();
    const pollTimer = setTimeout(() => this.#poll(), pollAfterSilence).unref();
    try {
      // The pages of the stream continue from each other, even if polling has moved `#cursor` in the meantime.
      let cursor = this.#cursor;
      const stream = await this.#openStream(cursor, connection.signal);
      for await (const event of readEvents(stream, eventLength)) {
        if (event.type !== "revocations") continue;
        const page = await this.#acceptPage(event.data, cursor);
        cursor = page.cursor;
        watchdog.refresh();
        if (!this.#isCurrent(page)) continue;
        this.#markStreamCurrent();
        pollTimer.refresh();
      }
      return new Error("the stream ended");
    } catch (error) {
      if (!connection.signal.aborted) return error;
      return new Error(`the stream sent no valid page for ${streamTimeout / 1000} seconds`);
    } finally {
      this.#stop.signal.removeEventListener("abort", abort);
      clearTimeout(watchdog);
      clearTimeout(pollTimer);
      abort();
    }
  }

  /** Whether a page brings the list up to date. A page that a proxy held back for long does not. */
  #isCurrent({ iat, more }) {
    return !more && this.#ageOf(iat) * 1000 <= this.#runtime.limits.pollAfterSilence;
  }

  /** Records that the stream is up to date, and stops polling. */
  #markStreamCurrent() {
    this.#failures = 0;
    this.#streamError = undefined;
    this.#listError = undefined;
    this.#polling?.abort();
    this.#polling = undefined;
  }

  /** Polls the list every few seconds until the stream is up to date. Never rejects. */
  async #poll() {
    if (this.#polling || this.#stop.signal.aborted) return;
    const { signal } = (this.#polling = new AbortController());
    const { limits, random } = this.#runtime;
    // The random delay spreads the requests of APIs that lost the server at the same time.
    await wait(random() * limits.shortestRetryDelay, signal);
    while (!signal.aborted) {
      const failure = await this.#fetchList(signal).catch((error) => error);
      if (!signal.aborted) this.#recordListResult(failure);
      this.#resolveFirstAttempt();
      const delay = limits.listInterval * (0.8 + 0.4 * random());
      await wait(Math.max(delay, this.#requestedDelay(failure)), signal);
    }
  }

  /** Logs a failure only when the list is out of date, so that a restart of the server logs nothing. */
  #recordListResult(failure) {
    this.#listError = failure;
    if (failure && this.behind > this.#runtime.limits.staleAfter) this.#log.report("revocations", this.error.message, false);
  }

  /**
   * Fetches all pages after the cursor. Each page must continue the one before, and the list may start over at most
   * once. Two servers with separate lists behind one address would start over without end.
   */
  async #fetchList(signal) {
    let cursor = this.#cursor;
    let hasStarted = false;
    for (let more = true; more && !signal.aborted;) {
      const page = await this.#acceptPage(await this.#fetchPage(cursor), cursor);
      more = page.more;
      const isStart = page.after === null;
      const isProgress = page.cursor !== cursor && !(isStart && hasStarted);
      if (more && !isProgress) throw new Error("its pages do not continue from each other");
      hasStarted ||= isStart;
      cursor = page.cursor;
    }
  }

  /** The `Retry-After` of a failed response, in milliseconds. */
  #requestedDelay(failure) {
    return parseRetryAfter(failure?.retryAfter, this.#runtime);
  }

  /** Fetches the page after a cursor and returns its text, which is not verified. */
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

  /** The server responds with 400 to a cursor that it does not know. */
  #forgetCursorAfter(statusCode) {
    if (statusCode === 400) this.#cursor = null;
  }

  /** Verifies a page that must continue at `cursor`, stores its entries and returns it. */
  async #acceptPage(text, cursor) {
    const page = await verifyRevocationPage(text, this.#source.issuer, { keys: this.#keys, runtime: this.#runtime });
    if (page.after !== null && page.after !== cursor) throw new Error("a page of the revocation list is missing");
    // Entries expire by the server's clock plus the tolerance, so a wrong clock on this machine deletes none.
    const now = page.iat - this.#runtime.limits.clockTolerance;
    this.#revoked.sweep(now);
    const hasRoom = this.#revoked.add(page.revocations, now);
    if (!hasRoom) throw new Error("the revocation list has more entries than the guard can store");
    this.#cursor = page.cursor;
    if (!page.more) this.#markComplete(page.iat);
    return page;
  }

  /** Records that the list is complete as of `iat`. */
  #markComplete(iat) {
    this.#completeAsOf = Math.max(this.#completeAsOf, iat);
    if (this.behind <= this.#runtime.limits.staleAfter) this.#log.clear("revocations");
    this.#resolveReady();
    this.#resolveFirstAttempt();
  }
}

/** Waits without keeping the process alive. Resolves early when the signal aborts. */
async function wait(milliseconds, signal) {
  await sleep(milliseconds, undefined, { ref: false, signal }).catch(() => {});
}

module.exports = { RevocationFollower };
