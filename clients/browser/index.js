// Generated from src/ by `npm run build`. Edit the files in src/, not this one.
//
// Signs a browser in at a Countersign server and keeps all tabs of the page's origin signed in.
//
// One tab refreshes the access token under a Web Lock and sends it to the other tabs over a BroadcastChannel. If the
// response to a refresh is lost, the tab sends the same refresh token again, within the server's grace period. The
// module measures a token's age by elapsed time; it never compares `exp` with the clock. In cookie mode scripts cannot
// read the refresh token. In body mode the refresh token stays in memory, unless the page passes a `storage`.
//
// Each change is sent to the server first, then applied to memory, then to storage, then sent to the other tabs. A
// browser may lack or deny storage, locks and channels. The module reports the first such failure once, and a failure
// never undoes an earlier step.

// The error that callers catch, and the warning on the console.

class SessionError extends Error {
  constructor(code, message, { status = 0, retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { name: "SessionError", code, status, retryAfter });
  }
}

/** Returns the error for an error response. A lost response has no `body` and becomes `unavailable`. */
function failureOf({ body = null, ...response }) {
  const message = body?.detail ?? "the server is unavailable; try again later";
  return new SessionError(body?.code ?? "unavailable", message, response);
}

/** Returns a function that warns once. Later failures have the same effect as the first, so they are not reported. */
function createWarning() {
  let hasWarned = false;
  return (what, error) => {
    if (hasWarned) return;
    hasWarned = true;
    console.warn(
      `countersign-browser: ${what} cannot be used (${error}). The session continues in the memory of this tab. ` +
        "It may be lost when the page is reloaded, and other tabs may not see it.",
    );
  };
}

// Access tokens and their age.
//
// Tabs send each other tokens as `{ type: "news", session, serial, access, refresh, lifetime, wall }`. `serial` counts the
// refreshes of a session, and `lifetime` is in milliseconds. The tab that holds a token adds `at` and `due`.

/**
 * Milliseconds since the token was issued, by the clock that says more. `at` is on the monotonic clock, which cannot be
 * set. `wall` is on the system clock, which runs while the machine sleeps.
 */
const age = ({ at, wall }) => Math.max(performance.now() - at, Date.now() - wall);

const isFresh = (token) => token && token.lifetime - age(token) > Math.min(10_000, token.lifetime / 10);

/** Returns the message that tells the other tabs about a token response of the server. */
function tokenMessage({ session_id: session, access_token: access, refresh_token: refresh, expires_in }, more) {
  // A token's times are whole seconds, rounded down, so a token may expire up to a second before `expires_in`.
  const lifetime = Math.max(expires_in - 1, expires_in / 2) * 1000;
  return { type: "news", session, access, refresh, lifetime, ...more };
}

/** Returns the token of that message. It is due for a refresh at a random point of 75 to 90 % of its lifetime. */
function tokenOf(message) {
  const due = message.lifetime * (0.75 + 0.15 * Math.random());
  return { ...message, due, at: performance.now() };
}

/** The claims of an access token, or null. They are for display only, because the signature is not verified. */
function claims(access) {
  try {
    const base64 = access.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return Object.freeze(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

// JSON from the network and from storage, which may be invalid.

/** Returns null if the text is not JSON. */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// HTTP requests to the server: a single request, and a request that is repeated while repeating is safe.

/** Milliseconds. One second less than the default of the server's `refresh_token.grace`, which is ten seconds. */
const GRACE = 9_000;

class Transport {
  #base;
  #isCookie;

  constructor(base, isCookie) {
    this.#base = base;
    this.#isCookie = isCookie;
  }

  /** `within` is in milliseconds. Never rejects: a response that is lost or late has the status 0. */
  async call(method, path, { body = null, access = null, within }) {
    const headers = {
      ...(body && { "content-type": "application/json" }),
      ...(access && { authorization: `Bearer ${access}` }),
    };
    const abort = new AbortController();
    let timer;
    const late = new Promise((resolve) => {
      // This also resolves if the page has replaced `fetch` by a function that ignores the signal.
      timer = setTimeout(() => resolve(abort.abort()), within);
    });
    const exchange = async () => {
      const response = await fetch(this.#base + path, {
        method,
        headers,
        body: body && JSON.stringify(body),
        cache: "no-store",
        // The server may be on another origin. Only the module's requests use this; `session.fetch` does not.
        credentials: this.#isCookie ? "include" : "same-origin",
        redirect: "error",
        // The browser must store the response's cookie even if the page is closed before the response arrives.
        keepalive: true,
        signal: abort.signal,
      });
      const retryAfter = Math.min(Number(response.headers.get("retry-after")) || 0, 3_600);
      const text = await response.text();
      return { status: response.status, retryAfter, body: parseJson(text) ?? {} };
    };
    const response = await Promise.race([exchange().catch(() => null), late]);
    clearTimeout(timer);
    return response ?? { status: 0, body: {} };
  }
}

/**
 * Repeats a request while its response is lost, 429 or 5xx, and within the grace period. Rejects with `unavailable` or
 * the server's error when the time is up or the device is offline. Stops early when `isWanted` returns false.
 */
async function callRepeatedly(isWanted, call) {
  const began = performance.now();
  const left = () => GRACE - (performance.now() - began);
  for (let pause = 250; ; pause = Math.min(2 * pause, 2_000)) {
    if (isOffline()) throw failureOf({});
    const response = await call(Math.min(left(), 5_000));
    const { status, retryAfter = 0 } = response;
    if ((status && status < 500 && status !== 429) || !isWanted()) return response;
    const wait = Math.max(pause * (0.5 + Math.random() / 2), retryAfter * 1000);
    if (left() - wait < 1_000) throw failureOf(response);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!isWanted()) return response;
  }
}

// A browser that does not report `onLine` counts as online.
const isOffline = () => navigator.onLine === false;

// Decides when the access token is refreshed, and refreshes it.

/** Milliseconds. The first pause after a failed refresh, and the shortest time between refreshes that a 401 causes. */
const PAUSE = 10_000;

class Refreshing {
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

// Sign-outs. Each one is repeated until the server has received it.

/** Milliseconds after which a sign-out that the server did not receive is repeated. */
const RETRY = 60_000;
/** Stands for the session of the cookie, if the user signs out before the page knows the session's id. */
const ANY = "*";

class SignOuts {
  #tab;
  #transport;
  #mark;
  #later;
  /** The sessions that the server has not revoked yet: tokens, or `{ session, isMark }`. */
  #pending = new Set();

  /** `mark` is a store. In cookie mode it holds the id of a session whose sign-out is pending. */
  constructor({ tab, transport, mark, later }) {
    this.#tab = tab;
    this.#transport = transport;
    this.#mark = mark;
    this.#later = later;
  }

  /** Continues the sign-out that an earlier page did not complete. Returns whether there is one. */
  resume() {
    const session = this.#mark.read();
    if (session) this.#pending.add({ session });
    return Boolean(session);
  }

  /** Signs out the tab's session, or the cookie's if `isUnknown`. Rejects if the server did not receive it or refused it. */
  async signOut(isUnknown) {
    const target = this.#tab.token ?? (isUnknown ? { session: ANY } : null);
    if (target) this.#pending.add(target);
    // The requests start first, so that a failure below cannot prevent them.
    const requests = Promise.all(Array.from(this.#pending, (one) => this.#revoke(one)));
    if (target) {
      const { session } = target;
      // In cookie mode the cookie outlives the page, so the pending sign-out must too.
      this.#tab.publish({ type: "end", session, reason: "signed-out" }, () => this.#mark.write(session));
    }
    await requests;
  }

  repeat() {
    const { state, reason } = this.#tab;
    // A tab that signed out may have been closed before its request reached the server.
    const session = state === "signed-out" && this.#pending.size === 0 ? this.#mark.read() : null;
    if (session && reason !== "closed") this.#pending.add({ session, isMark: true });
    for (const one of this.#pending) this.#revoke(one).catch(() => {});
  }

  cancel() {
    this.#pending.clear();
  }

  /** Revokes a session at the server, unless a new sign-in has cancelled that. */
  async #revoke(target) {
    const { session, refresh } = target;
    const isWanted = () => this.#pending.has(target);
    const request = async (method, path, more) => {
      const response = await callRepeatedly(isWanted, (within) => this.#transport.call(method, path, { ...more, within }));
      if (isWanted() && response.status >= 400 && ![400, 401, 404].includes(response.status)) throw failureOf(response);
      return response;
    };
    const work = async () => {
      // The tab that wrote the mark may have completed the sign-out by now.
      if (target.isMark && this.#mark.read() !== session) this.#pending.delete(target);
      if (!isWanted()) return;
      if (refresh) await request("POST", "/logout", { body: { refreshToken: refresh } });
      else await this.#revokeByCookie(target, request, isWanted);
      if (!this.#pending.delete(target)) return;
      // Another tab may have written the mark of a later sign-out.
      if (this.#mark.read() === session) this.#mark.write(null);
    };
    await this.#tab.withLock(work).catch((error) => {
      // The `online` event also repeats the sign-out, and so does the next refresh of a newer session.
      if (this.#tab.state === "signed-out" && !target.isMark && error.code === "unavailable" && !isOffline()) {
        this.#later(Math.max(error.retryAfter * 1000, RETRY));
      }
      throw error;
    });
  }

  async #revokeByCookie({ session, access }, request, isWanted) {
    const wall = Date.now();
    // The access token may have expired. A refresh returns a new one, and shows which session the cookie belongs to.
    const { status, body } = await request("POST", "/v1/sessions/refresh");
    if (!isWanted()) return;
    const { session_id: found } = body;
    if (found && session !== ANY && found !== session) return this.#tab.startSession(body, wall);
    // If the browser does not store cookies, only the tab's access token can revoke the session.
    const proof = body.access_token ?? (status === 400 ? access : null);
    if (!proof) return;
    await request("DELETE", `/v1/sessions/${found ?? session}`, { access: proof });
    if (session === ANY) this.#tab.publish({ type: "end", session: found, reason: "signed-out" });
  }
}

// Browser storage, which keeps one value across page loads if the browser allows it.

/**
 * One named value in a storage. All access to storage goes through this class. Its methods never throw: they treat a
 * storage that is missing, denied, full or broken as empty, and warn.
 */
class Store {
  #open;
  #name;
  #warn;

  /**
   * `open` returns the storage. It is called inside `try` at each use, because a browser that blocks site data throws
   * when a page reads `localStorage`. Without `open` nothing is stored.
   */
  constructor(open, name, warn) {
    this.#open = open;
    this.#name = name;
    this.#warn = warn;
  }

  read() {
    return this.#use((storage, name) => {
      const value = storage.getItem(name);
      if (value !== null && typeof value !== "string") throw new Error("getItem returned a value that is not a string");
      return value;
    });
  }

  /**
   * Stores the value, or removes it if it is `null`. Returns whether that worked. If the value cannot be stored, the
   * previous value is removed: the server treats a stale refresh token as stolen, and a stale mark signs the user out.
   */
  write(value) {
    if (!this.#open || this.#put(value)) return true;
    const isGone = (value !== null && this.#put(null)) || this.#put("");
    return isGone && value === null;
  }

  #put(value) {
    return this.#use((storage, name) => {
      const before = storage.getItem(name);
      if (value === null) storage.removeItem(name);
      else storage.setItem(name, value);
      // A value other than `before` was written by another tab in between, so this write worked.
      const after = storage.getItem(name);
      if (after !== value && after === before) throw new Error("a written value was not stored");
      return true;
    });
  }

  #use(work) {
    try {
      return this.#open && work(this.#open(), this.#name);
    } catch (error) {
      this.#warn("storage", error);
      return null;
    }
  }
}

/** The refresh token in storage, which only body mode uses. Several tabs may share the storage. */
class SavedToken {
  #store;
  /** False after a write has failed: storage then lacks the current token. */
  #isSaved = true;

  constructor(store) {
    this.#store = store;
  }

  /** Returns the token in storage, or null if storage is empty or holds anything else. */
  read() {
    const { session, serial, refresh } = Object(parseJson(this.#store.read()));
    const isToken = [session, refresh].every((text) => text && typeof text === "string") && Number.isSafeInteger(serial);
    return isToken ? { session, serial, refresh, lifetime: 0, due: 0, at: -Infinity, wall: 0 } : null;
  }

  /** Returns the token in storage if another tab has refreshed the session since `mine`, otherwise null. */
  newerThan(mine) {
    const stored = mine && this.read();
    return stored && stored.session === mine.session && stored.serial > mine.serial ? stored : null;
  }

  save(token) {
    const { session, serial, refresh } = token;
    const newer = this.newerThan(token);
    this.#isSaved = Boolean(newer) || this.#store.write(JSON.stringify({ session, serial, refresh }));
  }

  /** Saves the token if the last attempt failed. */
  saveAgain(token) {
    if (!this.#isSaved) this.save(token);
  }

  remove(session) {
    // The storage may hold the session of another tab. That one is kept, unless a write has failed.
    const stored = this.read();
    if (!this.#isSaved || !stored || stored.session === session) this.#store.write(null);
  }
}

// What this tab knows: who is signed in, and the current token. Messages from this tab and from other tabs change it.

class Tab {
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

// Coordination between the tabs of one origin: messages over a BroadcastChannel, and Web Locks.

/** Milliseconds. A browser normally reports at once whether a lock is free. */
const LOCK_CHECK = 3_000;
/** Milliseconds. The longest task under a lock is a sign-in, which takes at most 30 seconds. */
const LOCK_WAIT = 35_000;
/** Milliseconds. How long a tab waits for the tokens of other tabs. */
const REPLY_WAIT = 100;

class Tabs {
  #name;
  #warn;
  #channel;
  #stopWaiting;

  constructor(name, warn) {
    this.#name = name;
    this.#warn = warn;
    try {
      this.#channel = new BroadcastChannel(name);
    } catch (error) {
      warn("BroadcastChannel", error);
    }
  }

  /** Calls `receive` with each message from another tab. */
  listen(receive) {
    if (this.#channel) this.#channel.onmessage = ({ data }) => receive(data);
  }

  /** Returns whether the message was sent. */
  post(message) {
    try {
      this.#channel?.postMessage(message);
      return Boolean(this.#channel);
    } catch (error) {
      this.#warn("BroadcastChannel", error);
      return false;
    }
  }

  /** Asks other tabs for their tokens, and waits for them until `stopWaiting` is called or the time is up. */
  async askForTokens() {
    if (!this.post({ type: "ask" })) return;
    await new Promise((resolve) => setTimeout((this.#stopWaiting = resolve), REPLY_WAIT));
  }

  stopWaiting() {
    this.#stopWaiting?.();
  }

  /** Runs `work` in one tab at a time. */
  withLock(suffix, work) {
    return runWithLock(this.#name + suffix, work, this.#warn);
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
  }
}

/**
 * Runs `work` once, under a Web Lock, or without a lock if the browser does not grant one. Running without a lock is
 * safe: if two tabs present the same refresh token within the grace period, the server returns the same successor.
 */
function runWithLock(name, work, warn) {
  return new Promise((resolve, reject) => {
    let isStarted = false;
    let timer;
    // If `work` has already started without the lock, a lock that is granted later is released at once.
    const start = async () => {
      if (isStarted) return;
      isStarted = true;
      clearTimeout(timer);
      await work().then(resolve, reject);
    };
    const startWithout = (error) => {
      if (!isStarted) warn("navigator.locks", error);
      start();
    };
    const limit = (wait) => {
      clearTimeout(timer);
      const stop = () => startWithout(`no lock within ${wait} ms`);
      // Two timers: if the browser paused the page, a lock granted during the pause is handled before the second timer.
      timer = setTimeout(() => (timer = setTimeout(stop, wait / 2)), wait / 2);
    };
    const attempt = async (request) => {
      try {
        await request();
      } catch (error) {
        startWithout(error);
      }
    };
    const requestIfFree = () =>
      navigator.locks.request(name, { ifAvailable: true }, (lock) => {
        if (lock) return start();
        if (isStarted) return undefined;
        limit(LOCK_WAIT);
        // The promise is not returned, because that would keep the first request open.
        attempt(() => navigator.locks.request(name, start));
        return undefined;
      });
    limit(LOCK_CHECK);
    attempt(requestIfFree);
  });
}

// The session object that a page uses. It connects the other modules and schedules their work.

/** Milliseconds. `setTimeout` treats a longer delay as zero. */
const LONGEST_TIMER = 2 ** 31 - 1;

class Session {
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

// Checks the options of a session and the environment.

function createSession({ baseUrl, mode, allow = [], storage, ...unknown }) {
  const { document, location } = globalThis;
  if (!document || !location) {
    throw new SessionError("unsupported", "createSession needs a page; call it in a window, not on a server or in a worker");
  }
  const isCookie = mode === "cookie";
  const { href, origin } = new URL(baseUrl, location.href);
  const origins = new Set([origin, ...allow.map((url) => new URL(url).origin)]);
  const wrong =
    Object.keys(unknown)[0] ??
    (isCookie || mode === "body" ? null : "mode") ??
    (typeof baseUrl !== "string" || origin === "null" ? "baseUrl" : null) ??
    (origins.has("null") ? "allow" : null) ??
    (isCookie && storage ? "storage" : null);
  if (wrong) throw new TypeError(`the option \`${wrong}\` is invalid; the README lists the options and their values`);
  // The browser does not send cookies from such a page, although `location` in a sandboxed frame shows the origin.
  if (isCookie && globalThis.origin === "null") {
    throw new SessionError("unsupported", "cookie mode does not work in a file, or in a sandboxed frame without `allow-same-origin`");
  }
  const base = href.replace(/\/+$/, "");
  // In cookie mode storage only ever holds the id of a session whose sign-out is pending.
  const open = isCookie ? () => globalThis.localStorage : typeof storage === "function" ? storage : storage && (() => storage);
  return new Session({ base, isCookie, origins, open });
}

export { SessionError, createSession };
