// What this tab knows: who is signed in, and the current token. Messages from this tab and from other tabs change it.
import { claims, isFresh, tokenMessage, tokenOf } from "./tokens.js";

export class Tab {
  state = "unknown";
  reason = null;
  user = null;
  #markReady;
  ready = new Promise((resolve) => (this.#markReady = resolve));
  /** The newest token, or null. */
  token = null;
  /** No tab refreshes before this time, in milliseconds of `performance.now()`. */
  backOffUntil = 0;
  /** Called after the tab has adopted a token. */
  onToken = () => {};
  #isCookie;
  #tabs;
  #mark;
  #saved;
  /** The ids of sessions that have ended. A late message about one of them is ignored. */
  #ended = new Set();
  #listeners = new Set();

  constructor({ isCookie, tabs, mark, saved }) {
    this.#isCookie = isCookie;
    this.#tabs = tabs;
    this.#mark = mark;
    this.#saved = saved;
    tabs.listen((message) => this.#receive(message));
  }

  onChange(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** In cookie mode all sessions use the same cookie, so they use the same lock. */
  withLock(work) {
    return this.#tabs.withLock(this.#isCookie ? "" : ` ${this.token?.session}`, work);
  }

  /** Applies a message to memory, then to storage, then sends it to the other tabs. */
  publish(message, save = () => {}) {
    this.#receive(message, true);
    save();
    this.#tabs.post(message);
  }

  startSession(body, wall) {
    // In cookie mode the cookie now belongs to the new session, so a pending sign-out of an earlier one is obsolete.
    this.publish(tokenMessage(body, { wall, serial: 0, opened: true }), () => this.#mark.write(null));
  }

  close() {
    this.token = null;
    this.change("signed-out", "closed");
  }

  change(state, reason) {
    if (state === "signed-out") this.user = null;
    Object.assign(this, { state, reason });
    this.#markReady();
    this.#tabs.stopWaiting();
    const change = { state, reason, user: this.user };
    const notify = (listener) => queueMicrotask(() => listener(change));
    queueMicrotask(() => this.#listeners.forEach(notify));
  }

  /** Each message names its session, except `hold`, which is about the server. */
  #receive(message, isOwn) {
    if (this.reason === "closed") return;
    const { type } = message;
    if (type === "ask" && this.state === "signed-in") this.#tabs.post({ ...this.token, opened: false });
    if (type === "hold") this.backOffUntil = performance.now() + message.wait;
    if (type === "end") this.#end(message, isOwn);
    if (type === "news" && !this.#ended.has(message.session)) this.#receiveToken(message, isOwn);
  }

  #receiveToken(message, isOwn) {
    const mine = this.token;
    const { session, serial, opened } = message;
    if (mine?.session === session) {
      // A token from storage has no access token. Another tab may have the access token of the same serial.
      if (serial > mine.serial || (serial === mine.serial && !mine.access)) this.#adopt(message);
    } else if (!mine ? opened || this.state === "unknown" : isOwn && opened) {
      this.#adopt(message);
    } else if (mine && opened && this.#isCookie) {
      // The cookie now belongs to another session. This page must not continue as the other user.
      this.#end({ session: mine.session, reason: "replaced" });
    }
  }

  #adopt(message) {
    const isSame = this.state === "signed-in" && this.token.session === message.session;
    this.token = tokenOf(message);
    this.backOffUntil = 0;
    this.user = claims(message.access);
    if (!isSame) this.change("signed-in", null);
    if (message.refresh) this.#saved.save(this.token);
    // A tab that was frozen receives old tokens first, so it waits until a fresh one arrives.
    if (isFresh(this.token)) this.#tabs.stopWaiting();
    this.onToken();
  }

  #end({ session, reason }, isOwn) {
    this.#ended.add(session);
    if (this.state === "signed-out" || (this.token ? this.token.session !== session : !isOwn)) return;
    this.token = null;
    this.change("signed-out", reason);
    this.#saved.remove(session);
  }
}
