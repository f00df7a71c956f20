// A simulated browser. The tabs of one origin have separate globals, and share locks, channels, storage, cookies and a
// clock. Each tab runs index.js without its `export` statement.
import { readFile } from "node:fs/promises";
import { createContext, runInContext } from "node:vm";
import { Clock, settle } from "./clock.mjs";
import { FakeServer } from "./fake-server.mjs";

const source = await readFile(new URL("../../index.js", import.meta.url), "utf8");
const SCRIPT = `${source.replace(/^export .*$/m, "")};({ createSession, SessionError })`;

export const ORIGIN = "https://app.example";

export class FakeBrowser {
  clock = new Clock();
  server = new FakeServer(this.clock);
  jar = { token: "" };
  localStorage = new FakeStorage();
  isOnline = true;
  /** How many messages the tabs have sent over the channel. */
  posts = 0;
  /** Milliseconds until other tabs receive a message. */
  messageDelay = 1;
  /** The result of `Math.random`. */
  random = 0.5;
  tabs = [];
  /** The features that this browser lacks: `locks`, `channel`. */
  missing;
  /** `(globals) => …`: changes the globals of each new tab. */
  alter;
  #locks = new Map();

  constructor({ missing = [], alter = () => {} } = {}) {
    this.missing = missing;
    this.alter = alter;
  }

  /** Opens a tab with a session. `options` are those of `createSession`. */
  open(options = {}, more = {}) {
    const tab = new Tab(this, more);
    tab.start({ baseUrl: ORIGIN, mode: "cookie", ...options });
    this.tabs.push(tab);
    return tab;
  }

  /** Opens a tab that runs another script with additional globals. */
  run(script, globals) {
    const tab = new Tab(this, {});
    this.tabs.push(tab);
    Object.assign(tab.globals, globals, { createSession: tab.createSession });
    runInContext(script, tab.globals);
  }

  async openMany(count, options) {
    const tabs = Array.from({ length: count }, () => this.open(options));
    await this.clock.advance(500);
    return tabs;
  }

  /** Advances the clock, then returns the promise. */
  async during(promise, milliseconds = 500) {
    promise.catch(() => {});
    await this.clock.advance(milliseconds);
    return promise;
  }

  async setOnline(isOnline) {
    this.isOnline = isOnline;
    for (const tab of this.tabs) if (isOnline) tab.dispatch("online");
    await settle();
  }

  lock(name, owner, ...rest) {
    const work = rest.at(-1);
    if (rest.length === 2 && this.#locks.has(name)) return Promise.resolve(work(null));
    const before = this.#locks.get(name) ?? Promise.resolve();
    const done = before.then(() => (owner.isGone ? undefined : Promise.race([work({ name }), owner.gone])));
    const released = done.catch(() => {}).then(() => this.#locks.get(name) === released && this.#locks.delete(name));
    this.#locks.set(name, released);
    return done;
  }

  post(from, name, data) {
    this.posts += 1;
    for (const tab of this.tabs) {
      if (tab === from || tab.isGone) continue;
      this.clock.setTimeout(() => tab.receive(name, structuredClone(data)), this.messageDelay);
    }
  }
}

class Tab {
  changes = [];
  /** The warnings on the console. */
  warnings = [];
  isFrozen = false;
  isGone = false;
  #browser;
  #listeners = new Map();
  #channels = new Set();
  #leave;
  #waiting = [];

  constructor(browser, { visibilityState = "visible" }) {
    this.#browser = browser;
    this.gone = new Promise((resolve) => (this.#leave = resolve));
    this.document = { visibilityState, addEventListener: (...args) => this.#listen(...args) };
    const world = this.#world();
    browser.alter(world);
    this.globals = createContext(world);
    Object.assign(this, runInContext(SCRIPT, this.globals));
  }

  /** The number of open channels and event listeners. */
  get held() {
    const listeners = [...this.#listeners.values()].reduce((sum, all) => sum + all.size, 0);
    return { channels: this.#channels.size, listeners };
  }

  start(options) {
    this.session = this.createSession(options);
    this.session.onChange(({ state, reason }) => this.changes.push(reason ? `${state}: ${reason}` : state));
  }

  dispatch(type, event = {}) {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, ...event });
  }

  show(visibilityState) {
    this.document.visibilityState = visibilityState;
    this.dispatch("visibilitychange");
  }

  /** Closes the tab, or lets it crash: everything in it stops. */
  vanish() {
    this.isGone = true;
    this.#leave();
  }

  receive(name, data) {
    const deliver = () => {
      for (const channel of this.#channels) if (channel.name === name && !this.isGone) channel.onmessage?.({ data });
    };
    if (this.isFrozen) this.#waiting.push(deliver);
    else deliver();
  }

  /** Continues a frozen tab. The messages that it missed arrive late. */
  thaw() {
    this.isFrozen = false;
    for (const deliver of this.#waiting.splice(0)) this.#browser.clock.setTimeout(deliver, 2);
  }

  signIn(username = "ada", password = "right") {
    return this.session.signIn({ username, password });
  }

  #listen(type, listener, { signal } = {}) {
    const all = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, all.add(listener));
    signal?.addEventListener("abort", () => all.delete(listener));
  }

  #world() {
    const browser = this.#browser;
    const { clock, missing } = browser;
    const tab = this;
    class Channel {
      constructor(name) {
        this.name = name;
        tab.#channels.add(this);
      }

      postMessage(data) {
        if (!tab.#channels.has(this)) throw new Error("InvalidStateError");
        if (!tab.isGone) browser.post(tab, this.name, data);
      }

      close() {
        tab.#channels.delete(this);
      }
    }
    return {
      AbortController,
      ReadableStream,
      Request: PageRequest,
      TextDecoder,
      URL,
      atob,
      queueMicrotask,
      ...(!missing.includes("channel") && { BroadcastChannel: Channel }),
      Date: { now: () => clock.wall },
      Math: Object.assign(Object.create(Math), { random: () => browser.random }),
      addEventListener: (...args) => this.#listen(...args),
      clearTimeout: clock.clearTimeout,
      console: { warn: (text) => this.warnings.push(text) },
      document: this.document,
      fetch: (input, init) => this.#fetch(new Request(input, init)),
      localStorage: browser.localStorage,
      location: { href: `${ORIGIN}/page`, origin: ORIGIN },
      navigator: {
        get onLine() {
          return browser.isOnline;
        },
        ...(!missing.includes("locks") && { locks: { request: (name, ...rest) => browser.lock(name, this, ...rest) } }),
      },
      performance: { now: () => clock.now },
      setTimeout: (run, wait) => clock.setTimeout(() => this.isGone || run(), wait),
    };
  }

  async #fetch(request) {
    const { server, jar, isOnline } = this.#browser;
    const { origin, pathname: path } = new URL(request.url);
    const { method, headers, signal, cache, credentials, keepalive, redirect } = request;
    const text = await request.text();
    const authorization = headers.get("authorization");
    const body = headers.get("content-type") === "application/json" ? JSON.parse(text) : text || undefined;
    const access = authorization?.replace("Bearer ", "");
    const how = { cache, credentials, keepalive, redirect };
    const details = { origin, method, path, body, authorization, access, text, how };
    if (isOnline === false) throw new TypeError("Failed to fetch");
    const aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const hasCookies = credentials === "include" || (credentials === "same-origin" && origin === ORIGIN);
    const answer = await Promise.race([server.answer({ ...details, tab: this }, hasCookies ? jar : { token: "" }), aborted]);
    if (this.isGone) return new Promise(() => {});
    const payload = answer.body === undefined ? null : JSON.stringify(answer.body);
    return new Response(answer.text ?? payload, { status: answer.status, headers: answer.headers });
  }
}

/** Resolves relative URLs, as a page does. */
class PageRequest extends Request {
  constructor(input, init) {
    super(typeof input === "string" ? new URL(input, ORIGIN).href : input, init);
  }

  static [Symbol.hasInstance](value) {
    return Object.getPrototypeOf(PageRequest)[Symbol.hasInstance].call(Request, value);
  }
}

export class FakeStorage {
  items = new Map();
  /** `(method, value) => boolean`: which calls throw, as they do if the storage is full or denied. */
  refuses = () => false;
  /** `(method, value) => boolean`: which calls have no effect. */
  drops = () => false;

  getItem = (name) => this.#call("getItem", null, () => this.items.get(name) ?? null);
  setItem = (name, value) => this.#call("setItem", value, () => void this.items.set(name, value));
  removeItem = (name) => this.#call("removeItem", null, () => void this.items.delete(name));

  #call(method, value, run) {
    if (this.refuses(method, value)) throw new DOMException("refused by the test", "QuotaExceededError");
    return this.drops(method, value) ? null : run();
  }
}
