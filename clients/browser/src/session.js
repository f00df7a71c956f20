// The session object that a page uses. It connects the other modules and schedules their work.
import { SessionError, createWarning, failureOf } from "./errors.js";
import { Refreshing } from "./refreshing.js";
import { SignOuts } from "./sign-outs.js";
import { SavedToken, Store } from "./storage.js";
import { Tab } from "./tab.js";
import { Tabs } from "./tabs.js";
import { Transport } from "./transport.js";

/** Milliseconds. `setTimeout` treats a longer delay as zero. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class Session {
  #isCookie;
  #origins;
  #transport;
  #tabs;
  #tab;
  #saved;
  #refreshing;
  #signOuts;
  #events = new AbortController();
  #timer;

  /** `open` returns the storage, if there is one. Cookie mode stores the mark of a sign-out, body mode the refresh token. */
  constructor({ base, isCookie, origins, open }) {
    const name = `countersign:${isCookie ? "cookie" : "body"}:${base}`;
    const warn = createWarning();
    const mark = new Store(isCookie ? open : null, name, warn);
    const saved = new SavedToken(new Store(isCookie ? null : open, name, warn));
    const transport = new Transport(base, isCookie);
    const tabs = new Tabs(name, warn);
    const tab = new Tab({ isCookie, tabs, mark, saved });
    const later = (wait) => this.#later(wait);
    this.#isCookie = isCookie;
    this.#origins = origins;
    this.#transport = transport;
    this.#tabs = tabs;
    this.#tab = tab;
    this.#saved = saved;
    this.#refreshing = new Refreshing({ isCookie, tab, tabs, transport, saved, later });
    this.#signOuts = new SignOuts({ tab, transport, mark, later });
    tab.onToken = () => this.#handleNewToken();
    const { signal } = this.#events;
    for (const event of ["online", "pageshow"]) addEventListener(event, this.#tick, { signal });
    for (const event of ["visibilitychange", "prerenderingchange"]) document.addEventListener(event, this.#tick, { signal });
    if (this.#signOuts.resume()) tab.change("signed-out", "signed-out");
    else if (!isCookie) tab.token = saved.read();
    else if (navigator.cookieEnabled === false) warn("cookies", "the browser does not store them");
    this.#tick();
  }

  get state() {
    return this.#tab.state;
  }

  get reason() {
    return this.#tab.reason;
  }

  get user() {
    return this.#tab.user;
  }

  get ready() {
    return this.#tab.ready;
  }

  onChange(listener) {
    return this.#tab.onChange(listener);
  }

  async signIn({ username, password, newPassword, scope }) {
    const token_mode = this.#isCookie ? "cookie" : "body";
    const body = { username, password, new_password: newPassword, scope, token_mode };
    return this.#tab.withLock(async () => {
      this.#throwIfClosed();
      const wall = Date.now();
      const response = await this.#transport.call("POST", "/v1/sessions", { body, within: 30_000 });
      if (response.status !== 201) throw failureOf(response);
      this.#tab.startSession(response.body, wall);
      return this.user;
    });
  }

  async signOut() {
    let failure;
    if (this.state === "unknown") await this.#refreshing.renew().catch((error) => (failure = error));
    await this.#signOuts.signOut(failure && this.state === "unknown");
  }

  async fetch(input, init) {
    this.#throwIfClosed();
    // A request's body can be sent only once, so a repeated request needs a new `Request`.
    const make = (source) => new Request(source, init);
    const request = make(input instanceof Request ? input.clone() : input);
    const isOurs = this.#origins.has(new URL(request.url).origin) && !request.headers.has("authorization");
    if (isOurs && this.state === "unknown") await this.#refreshing.renew();
    const { token } = this.#tab;
    if (!isOurs || !token) return fetch(request);
    const { session } = token;
    const send = (made, access) => {
      made.headers.set("authorization", `Bearer ${access}`);
      return fetch(made);
    };
    const access = await this.#refreshing.accessToken(session);
    const response = await send(request, access);
    if (response.status !== 401 || init?.body instanceof ReadableStream) return response;
    const next = await this.#refreshing.accessToken(session, access).catch(() => access);
    if (next === access) return response;
    response.body?.cancel();
    return send(make(input), next);
  }

  close() {
    this.#tab.close();
    this.#events.abort();
    this.#tabs.close();
  }

  #throwIfClosed() {
    if (this.reason === "closed") throw new SessionError("closed", "this session object is closed");
  }

  #handleNewToken() {
    this.#refreshing.resetFailures();
    // The cookie now belongs to this session. In body mode a pending sign-out has its session's own refresh token.
    if (this.#isCookie) this.#signOuts.cancel();
    this.#tick();
  }

  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#tick, Math.min(wait, LONGEST_TIMER));
  }

  #tick = (event) => {
    clearTimeout(this.#timer);
    // While a page is prerendered, the browser does not grant locks or deliver messages.
    if (document.prerendering) return;
    this.#signOuts.repeat();
    const { token } = this.#tab;
    if (token?.access) this.#saved.saveAgain(token);
    // A page restored from the back/forward cache has missed messages, so its token counts as expired.
    if (event?.persisted && token) token.at = -Infinity;
    this.#refreshing.check();
  };
}
