// What this tab knows: who is signed in, and with which token. Messages change it, those of this tab and of others.
import { claims, isFresh, news, tokenOf } from "./tokens.js";

export class Tab {
  state = "unknown";
  reason = null;
  user = null;
  #settle;
  ready = new Promise((resolve) => (this.#settle = resolve));
  /** The newest token, or null. */
  token = null;
  /** No tab asks the server for a token before this, on the clock of `performance.now()`. */
  heldUntil = 0;
  /** Called when the tab has a new token. */
  onToken = () => {};
  #isCookie;
  #tabs;
  #mark;
  #saved;
  #ended = new Set();
  #listeners = new Set();

  constructor({ isCookie, tabs, mark, saved }) {
    this.#isCookie = isCookie;
    this.#tabs = tabs;
    this.#mark = mark;
    this.#saved = saved;
    tabs.listen((message) => this.#hear(message));
  }

  onChange(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** In cookie mode all sessions share a cookie, so they share a lock. */
  alone(work) {
    return this.#tabs.alone(this.#isCookie ? "" : ` ${this.token?.session}`, work);
  }

  /** Takes a message from the server to memory, then to storage, then to the other tabs. */
  tell(message, save = () => {}) {
    this.#hear(message, true);
    save();
    this.#tabs.post(message);
  }

  startSession(body, wall) {
    // In cookie mode the cookie is now the new session's, so no sign-out of an earlier session is left to do.
    this.tell(news(body, { wall, serial: 0, opened: true }), () => this.#mark.write(null));
  }

  close() {
    this.token = null;
    this.change("signed-out", "closed");
  }

  change(state, reason) {
    if (state === "signed-out") this.user = null;
    Object.assign(this, { state, reason });
    this.#settle();
    this.#tabs.wake();
    const change = { state, reason, user: this.user };
    const tell = (listener) => queueMicrotask(() => listener(change));
    queueMicrotask(() => this.#listeners.forEach(tell));
  }

  /** Each message names the session that it is about, but for `hold`, which is about the server. */
  #hear(message, isOwn) {
    if (this.reason === "closed") return;
    const { type } = message;
    if (type === "ask" && this.state === "signed-in") this.#tabs.post({ ...this.token, opened: false });
    if (type === "hold") this.heldUntil = performance.now() + message.wait;
    if (type === "end") this.#end(message, isOwn);
    if (type === "news" && !this.#ended.has(message.session)) this.#hearNews(message, isOwn);
  }

  #hearNews(message, isOwn) {
    const mine = this.token;
    const { session, serial, opened } = message;
    if (mine?.session === session) {
      // A token from storage comes without an access token. Another tab may have one of the same generation.
      if (serial > mine.serial || (serial === mine.serial && !mine.access)) this.#adopt(message);
    } else if (!mine ? opened || this.state === "unknown" : isOwn && opened) {
      this.#adopt(message);
    } else if (mine && opened && this.#isCookie) {
      // The cookie is another session's now, and nobody's page goes on as somebody else.
      this.#end({ session: mine.session, reason: "replaced" });
    }
  }

  #adopt(told) {
    const isSame = this.state === "signed-in" && this.token.session === told.session;
    this.token = tokenOf(told);
    this.heldUntil = 0;
    this.user = claims(told.access);
    if (!isSame) this.change("signed-in", null);
    if (told.refresh) this.#saved.save(this.token);
    // What a tab that was frozen has missed arrives piece by piece.
    if (isFresh(this.token)) this.#tabs.wake();
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
