// When a token is replaced, and how: by another tab's, or by a refresh at the server.
import { SessionError, failureOf } from "./errors.js";
import { age, isFresh, news } from "./tokens.js";
import { callRepeatedly, isOffline } from "./transport.js";

/** Milliseconds. */
const HOLD = 10_000;

export class Refreshing {
  #isCookie;
  #tab;
  #tabs;
  #transport;
  #saved;
  #later;
  #renewing = null;
  #failures = 0;
  #forcedAt = -Infinity;

  constructor({ isCookie, tab, tabs, transport, saved, later }) {
    this.#isCookie = isCookie;
    this.#tab = tab;
    this.#tabs = tabs;
    this.#transport = transport;
    this.#saved = saved;
    this.#later = later;
  }

  /** Forgets failures, after a success. */
  reset() {
    this.#failures = 0;
  }

  /** Refreshes if it is time for that, or has `later` called with the time until then. */
  check() {
    const { token, state, heldUntil } = this.#tab;
    const isKnown = state === "signed-in";
    const isHidden = document.visibilityState === "hidden";
    // In body mode, a tab without a token asks other tabs only.
    const needsServer = this.#isCookie || token;
    if (state === "signed-out" || (needsServer && isOffline()) || (isKnown && isHidden)) return;
    const early = isKnown ? token.due - age(token) : 0;
    if (early > 0) return this.#later(early);
    // The answer of this refresh may be due when it arrives: it was slow, or the machine slept.
    if (this.#renewing) return this.#later(1_000);
    this.renew(isKnown && early > -1_000).catch(() => {
      this.#later(Math.max(this.#tab.heldUntil - performance.now(), 1_000) * (1 + Math.random() / 4));
    });
  }

  /** An access token of that session; another one than the refused, if there is. */
  async usable(session, refused) {
    const mine = this.#tab.token;
    const isForced = refused && mine?.access === refused;
    if (isForced && !this.#renewing && performance.now() - this.#forcedAt < HOLD) return refused;
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

  /** Has the current token replaced, by this tab or another. Who does so in time need not ask what others know. */
  renew(isInTime) {
    const tab = this.#tab;
    const stale = tab.token;
    return (this.#renewing ??= tab
      .alone(async (hasWaited) => {
        const needsToAsk = hasWaited || !isInTime || this.#saved.newerThan(stale);
        if (tab.token === stale && needsToAsk) await this.#tabs.ask();
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
    const held = tab.heldUntil - performance.now();
    if (held > 0) throw failureOf({ retryAfter: Math.ceil(held / 1000) });
    const body = this.#isCookie ? null : { refresh_token: stale.refresh };
    const isWanted = () => tab.token?.session === stale?.session && tab.state !== "signed-out";
    let wall;
    const answer = await callRepeatedly(isWanted, (within) => {
      wall = Date.now();
      return this.#transport.call("POST", "/v1/sessions/refresh", { body, within });
    }).catch((error) => this.#hold(error));
    const { access_token, session_id } = answer.body;
    if (access_token && (!stale || session_id === stale.session)) {
      tab.tell(news(answer.body, { wall, serial: (stale?.serial ?? 0) + 1 }));
    } else if (isWanted()) {
      const reason = this.#endReason(answer, stale);
      if (reason === undefined) this.#hold(failureOf(answer));
      tab.tell({ type: "end", session: stale?.session, reason });
    }
  }

  /** Why an answer ends the session of the `stale` token; undefined if it does not. */
  #endReason({ status, body: { access_token, code } }, stale) {
    if (access_token) return "replaced";
    if (status === 401 && code === "invalid_refresh_token") return "ended";
    if (this.#isCookie && status === 400 && code === "malformed_request") return stale ? "ended" : null;
    return undefined;
  }

  /** After a failure no tab asks for a while. Offline, the network's return is waited for instead. */
  #hold(error) {
    const wait = error.retryAfter * 1000 || HOLD * 2 ** Math.min(this.#failures++, 3);
    if (!isOffline()) this.#tab.tell({ type: "hold", wait });
    throw error;
  }
}
