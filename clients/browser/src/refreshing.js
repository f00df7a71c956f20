// Decides when the access token is refreshed, and refreshes it.
import { SessionError, failureOf } from "./errors.js";
import { age, isFresh, tokenMessage } from "./tokens.js";
import { callRepeatedly, isOffline } from "./transport.js";

/** Milliseconds. The first pause after a failed refresh, and the shortest time between refreshes that a 401 causes. */
const PAUSE = 10_000;

export class Refreshing {
  #isCookie;
  #tab;
  #tabs;
  #transport;
  #saved;
  #later;
  /** The promise of the refresh that is in progress, or null. */
  #renewing = null;
  #failures = 0;
  /** When a 401 last caused a refresh. */
  #forcedAt = -Infinity;

  /** `later` schedules the next `check`. */
  constructor({ isCookie, tab, tabs, transport, saved, later }) {
    this.#isCookie = isCookie;
    this.#tab = tab;
    this.#tabs = tabs;
    this.#transport = transport;
    this.#saved = saved;
    this.#later = later;
  }

  resetFailures() {
    this.#failures = 0;
  }

  /** Refreshes if the token is due, or schedules the next check. */
  check() {
    const { token, state } = this.#tab;
    const isSignedIn = state === "signed-in";
    const isHidden = document.visibilityState === "hidden";
    // In body mode, a tab without a token only asks the other tabs.
    const needsServer = this.#isCookie || token;
    if (state === "signed-out" || (needsServer && isOffline()) || (isSignedIn && isHidden)) return;
    const early = isSignedIn ? token.due - age(token) : 0;
    if (early > 0) return this.#later(early);
    // The token of the current refresh may already be due when it arrives, after a slow response or the machine's sleep.
    if (this.#renewing) return this.#later(1_000);
    this.renew().catch(() => {
      this.#later(Math.max(this.#tab.backOffUntil - performance.now(), 1_000) * (1 + Math.random() / 4));
    });
  }

  /**
   * Returns an access token of the session. If an API has rejected one with 401, pass it as `rejected`: the result is
   * then a newer token, or the same one if a 401 caused a refresh less than ten seconds ago.
   */
  async accessToken(session, rejected) {
    const mine = this.#tab.token;
    const isForced = rejected && mine?.access === rejected;
    if (isForced && !this.#renewing && performance.now() - this.#forcedAt < PAUSE) return rejected;
    if (isForced) this.#forcedAt = performance.now();
    if (mine && (isForced || !isFresh(mine))) {
      await this.renew().catch((error) => {
        if (isForced || age(mine) >= mine.lifetime) throw error;
      });
    }
    const { token } = this.#tab;
    if (token?.session === session) return token.access;
    throw new SessionError("signed-out", "the session has ended");
  }

  /**
   * Replaces the current token with one from another tab or from the server. It asks the other tabs first: the message
   * with a newer token can still be on its way when the lock is free, and a frozen tab has missed it.
   */
  renew() {
    const tab = this.#tab;
    const stale = tab.token;
    return (this.#renewing ??= tab
      .withLock(async () => {
        if (tab.token === stale) await this.#tabs.askForTokens();
        const isDone = tab.token !== stale && isFresh(tab.token);
        if (!isDone && tab.state !== "signed-out") await this.#refresh(tab.token);
      })
      .finally(() => (this.#renewing = null)));
  }

  async #refresh(stale) {
    const tab = this.#tab;
    if (!this.#isCookie && !stale) return tab.change("signed-out", null);
    const newer = this.#saved.newerThan(stale);
    if (newer) stale = tab.token = { ...stale, serial: newer.serial, refresh: newer.refresh };
    const wait = tab.backOffUntil - performance.now();
    if (wait > 0) throw failureOf({ retryAfter: Math.ceil(wait / 1000) });
    const body = this.#isCookie ? null : { refresh_token: stale.refresh };
    const isWanted = () => tab.token?.session === stale?.session && tab.state !== "signed-out";
    let wall;
    const response = await callRepeatedly(isWanted, (within) => {
      wall = Date.now();
      return this.#transport.call("POST", "/v1/sessions/refresh", { body, within });
    }).catch((error) => this.#backOff(error));
    const { access_token, session_id } = response.body;
    if (access_token && (!stale || session_id === stale.session)) {
      tab.publish(tokenMessage(response.body, { wall, serial: (stale?.serial ?? 0) + 1 }));
    } else if (isWanted()) {
      const reason = this.#endReason(response, stale);
      if (reason === undefined) this.#backOff(failureOf(response));
      tab.publish({ type: "end", session: stale?.session, reason });
    }
  }

  /** Returns why this response ends the session of the `stale` token, or undefined if it does not end it. */
  #endReason({ status, body: { access_token, code } }, stale) {
    if (access_token) return "replaced";
    if (status === 401 && code === "invalid_refresh_token") return "ended";
    // The browser has no cookie.
    if (this.#isCookie && status === 400 && code === "malformed_request") return stale ? "ended" : null;
    return undefined;
  }

  /** Throws the error. While the device is online, no tab refreshes for a while; offline, the tabs wait for `online`. */
  #backOff(error) {
    const wait = error.retryAfter * 1000 || PAUSE * 2 ** Math.min(this.#failures++, 3);
    if (!isOffline()) this.#tab.publish({ type: "hold", wait });
    throw error;
  }
}
