// The session as a page uses it. It wires the parts together and decides when they run.
import { SessionError, createWarning, failureOf } from "./errors.js";
import { Refreshing } from "./refreshing.js";
import { SignOuts } from "./sign-outs.js";
import { SavedToken, Store } from "./storage.js";
import { Tab } from "./tab.js";
import { Tabs } from "./tabs.js";
import { Transport } from "./transport.js";

/** The most milliseconds that `setTimeout` accepts. It treats more as zero. */
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

  /** `open` returns the storage, if there is one: in cookie mode for the mark of a sign-out, in body mode for the token. */
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
    tab.onToken = () => this.#useToken();
    const { signal } = this.#events;
    for (const event of ["online", "pageshow"]) addEventListener(event, this.#tick, { signal });
    for (const event of ["visibilitychange", "prerenderingchange"]) document.addEventListener(event, this.#tick, { signal });
    if (this.#signOuts.takeOver()) tab.change("signed-out", "signed-out");
    else if (!isCookie) tab.token = saved.read();
    else if (navigator.cookieEnabled === false) warn("cookies", "the browser keeps none");
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
    return this.#tab.alone(async () => {
      this.#refuseIfClosed();
      const wall = Date.now();
      const answer = await this.#transport.call("POST", "/v1/sessions", { body, within: 30_000 });
      if (answer.status !== 201) throw failureOf(answer);
      this.#tab.startSession(answer.body, wall);
      return this.user;
    });
  }

  async signOut() {
    let failure;
    if (this.state === "unknown") await this.#refreshing.renew().catch((error) => (failure = error));
    await this.#signOuts.start(failure && this.state === "unknown");
  }

  async fetch(input, init) {
    this.#refuseIfClosed();
    // A body that was sent is spent: what may have to be sent again is made anew.
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
    const access = await this.#refreshing.usable(session);
    const response = await send(request, access);
    if (response.status !== 401 || init?.body instanceof ReadableStream) return response;
    const next = await this.#refreshing.usable(session, access).catch(() => access);
    if (next === access) return response;
    response.body?.cancel();
    return send(make(input), next);
  }

  close() {
    this.#tab.close();
    this.#events.abort();
    this.#tabs.close();
  }

  #refuseIfClosed() {
    if (this.reason === "closed") throw new SessionError("closed", "this session object was closed");
  }

  #useToken() {
    this.#refreshing.reset();
    // The cookie is this session's now. In body mode a pending sign-out has a refresh token of its own.
    if (this.#isCookie) this.#signOuts.forget();
    this.#tick();
  }

  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#tick, Math.min(wait, LONGEST_TIMER));
  }

  #tick = (event) => {
    clearTimeout(this.#timer);
    // Until a person opens the page, the browser grants no locks and delivers no messages.
    if (document.prerendering) return;
    this.#signOuts.repeat();
    const { token } = this.#tab;
    if (token?.access) this.#saved.saveAgain(token);
    // A page that comes back from the browser's cache has heard nothing meanwhile.
    if (event?.persisted && token) token.at = -Infinity;
    this.#refreshing.check();
  };
}
