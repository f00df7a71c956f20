// A browser for tests: tabs of one origin, each with globals of its own, over one set of locks, channels, storage and
// cookies, all on one clock. The module runs in each tab as it is, but for its `export`.
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
  /** How many messages tabs have sent. */
  posts = 0;
  /** What `Math.random` says. */
  random = 0.5;
  tabs = [];
  /** Parts of the world that this browser does not have: `locks`, `channel`. */
  missing;
  /** `(globals) => …`: changes what a page finds in this browser. */
  alter;
  #locks = new Map();

  constructor({ missing = [], alter = () => {} } = {}) {
    this.missing = missing;
    this.alter = alter;
  }

  /** A new tab with a session; `options` as for `createSession`. */
  open(options = {}, more = {}) {
    const tab = new Tab(this, more);
    tab.start({ baseUrl: ORIGIN, mode: "cookie", ...options });
    this.tabs.push(tab);
    return tab;
  }

  /** A new tab whose page is another script, with what that script finds there. */
  run(script, found) {
    const tab = new Tab(this, {});
    this.tabs.push(tab);
    Object.assign(tab.globals, found, { createSession: tab.createSession });
    runInContext(script, tab.globals);
  }

  async openMany(count, options) {
    const tabs = Array.from({ length: count }, () => this.open(options));
    await this.clock.advance(500);
    return tabs;
  }

  /** What a promise gives, which may need some time. */
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
      this.clock.setTimeout(() => tab.receive(name, structuredClone(data)), 1);
    }
  }
}

class Tab {
  changes = [];
  /** What was written to the console. */
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

  /** What of the browser it holds on to. */
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

  /** Closed or crashed: whatever it was doing, it does no more. */
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

  /** Goes on; what was told meanwhile arrives late. */
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
    const asked = { origin, method, path, body, authorization, access, text, how };
    if (isOnline === false) throw new TypeError("Failed to fetch");
    const aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const hasCookies = credentials === "include" || (credentials === "same-origin" && origin === ORIGIN);
    const answer = await Promise.race([server.answer({ ...asked, tab: this }, hasCookies ? jar : { token: "" }), aborted]);
    if (this.isGone) return new Promise(() => {});
    const payload = answer.body === undefined ? null : JSON.stringify(answer.body);
    return new Response(answer.text ?? payload, { status: answer.status, headers: answer.headers });
  }
}

/** Resolves what has no scheme of its own, as a page does. */
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
  /** `(method, value) => boolean`: which calls throw, as they do when the storage is full or denied. */
  refuses = () => false;
  /** The same, for calls that do nothing. */
  drops = () => false;

  getItem = (name) => this.#call("getItem", null, () => this.items.get(name) ?? null);
  setItem = (name, value) => this.#call("setItem", value, () => void this.items.set(name, value));
  removeItem = (name) => this.#call("removeItem", null, () => void this.items.delete(name));

  #call(method, value, run) {
    if (this.refuses(method, value)) throw new DOMException("refused by the test", "QuotaExceededError");
    return this.drops(method, value) ? null : run();
  }
}
