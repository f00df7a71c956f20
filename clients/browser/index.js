// Signs a browser in at a Countersign server, and keeps all tabs of its origin signed in.
//
// One tab refreshes for all, under a Web Lock, and tells the others over a BroadcastChannel. A lost answer is asked for
// again with the same token, for as long as the server answers that alike. Tokens age by the time that passes: `exp` is
// never compared with this clock. In cookie mode no script sees the refresh token; in body mode it stays in memory,
// unless a `storage` is given.
//
// Each change goes to the server, then to memory, then to storage, then to the other tabs. Storage, locks and channels
// are best effort: a browser may lack or deny them. Their failure is reported once and undoes nothing.

/** Milliseconds. The server's grace is ten seconds, unless it was told otherwise. */
const GRACE = 9_000;
const HOLD = 10_000;
/** A sign-out that the server could not be told is repeated after this. */
const RETRY = 60_000;
/** A browser says at once whether a lock is free. The longest work under a lock is a sign-in, which takes 30 seconds. */
const LOCK_ANSWER = 3_000;
const LOCK_WAIT = 35_000;
/** The most that `setTimeout` accepts. It treats more as zero. */
const LONGEST_TIMER = 2 ** 31 - 1;
/** The session of the cookie, if the person signs out before the page knows its id. */
const ANY = "*";

export class SessionError extends Error {
  constructor(code, message, { status = 0, retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { name: "SessionError", code, status, retryAfter });
  }
}

export function createSession({ baseUrl, mode, allow = [], storage, ...unknown }) {
  const { document, location } = globalThis;
  if (!document || !location) {
    throw new SessionError("unsupported", "createSession needs a page: call it in a window, not on a server or in a worker");
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
  if (wrong) throw new TypeError(`the option \`${wrong}\` is not right; the README lists what can be given`);
  // The browser sends no cookies from such a page, although the `location` of a sandboxed frame shows this origin.
  if (isCookie && globalThis.origin === "null") {
    throw new SessionError("unsupported", "cookie mode does not work in a file, or in a sandboxed frame without `allow-same-origin`");
  }
  const base = href.replace(/\/+$/, "");
  // In cookie mode it holds the id of a session whose sign-out is not done yet, and nothing else.
  const open = isCookie ? () => globalThis.localStorage : typeof storage === "function" ? storage : storage && (() => storage);
  return new Session(base, isCookie, origins, open);
}

class Session {
  state = "unknown";
  reason = null;
  user = null;
  #settle;
  ready = new Promise((resolve) => (this.#settle = resolve));
  #base;
  #isCookie;
  #origins;
  #store;
  #name;
  #channel;
  /** The newest tokens, and since when: `at` on a clock that nobody sets, `wall` on one that runs during sleep. */
  #current = null;
  /** The sessions that the server has yet to be told to end. */
  #leaving = new Set();
  /** Whether storage holds the current token, as far as this tab knows. */
  #isSaved = true;
  #hasWarned = false;
  #ended = new Set();
  #listeners = new Set();
  #events = new AbortController();
  #renewing = null;
  #timer;
  #heldUntil = 0;
  #failures = 0;
  #forcedAt = -Infinity;
  #wake;

  constructor(base, isCookie, origins, open) {
    this.#base = base;
    this.#isCookie = isCookie;
    this.#origins = origins;
    this.#name = `countersign:${isCookie ? "cookie" : "body"}:${base}`;
    const warn = this.#warn.bind(this);
    this.#store = new Store(open, this.#name, warn);
    this.#channel = openChannel(this.#name, (message) => this.#hear(message), warn);
    const { signal } = this.#events;
    for (const name of ["online", "pageshow"]) addEventListener(name, this.#tick, { signal });
    for (const name of ["visibilitychange", "prerenderingchange"]) document.addEventListener(name, this.#tick, { signal });
    const unfinished = isCookie && this.#store.read();
    if (unfinished) {
      this.#leaving.add({ session: unfinished });
      this.#change("signed-out", "signed-out");
    } else if (!isCookie) {
      this.#current = this.#stored();
    } else if (navigator.cookieEnabled === false) {
      warn("cookies", "the browser keeps none");
    }
    this.#tick();
  }

  onChange(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async signIn({ username, password, newPassword, scope }) {
    const token_mode = this.#isCookie ? "cookie" : "body";
    const body = { username, password, new_password: newPassword, scope, token_mode };
    return this.#alone(async () => {
      this.#refuseIfClosed();
      const wall = Date.now();
      const answer = await this.#call("POST", "/v1/sessions", { body, within: 30_000 });
      if (answer.status !== 201) throw refusal(answer);
      this.#startSession(answer.body, wall);
      return this.user;
    });
  }

  async signOut() {
    let failure;
    if (this.state === "unknown") await this.#renew().catch((error) => (failure = error));
    const leaving = this.#current ?? (failure && this.state === "unknown" ? { session: ANY } : null);
    if (leaving) this.#leaving.add(leaving);
    // The server is asked first, so that nothing below can prevent it.
    const told = Promise.all(Array.from(this.#leaving, (one) => this.#revoke(one)));
    if (leaving) {
      const { session } = leaving;
      // In cookie mode a pending sign-out must outlive the page, because the cookie does.
      const save = () => this.#isCookie && this.#store.write(session);
      this.#tell({ type: "end", session, reason: "signed-out" }, save);
    }
    await told;
  }

  async fetch(input, init) {
    this.#refuseIfClosed();
    // A body that was sent is spent: what may have to be sent again is made anew.
    const make = (source) => new Request(source, init);
    const request = make(input instanceof Request ? input.clone() : input);
    const isOurs = this.#origins.has(new URL(request.url).origin) && !request.headers.has("authorization");
    if (isOurs && this.state === "unknown") await this.#renew();
    if (!isOurs || !this.#current) return fetch(request);
    const { session } = this.#current;
    const send = (made, access) => {
      made.headers.set("authorization", `Bearer ${access}`);
      return fetch(made);
    };
    const access = await this.#usable(session);
    const response = await send(request, access);
    if (response.status !== 401 || init?.body instanceof ReadableStream) return response;
    const next = await this.#usable(session, access).catch(() => access);
    if (next === access) return response;
    response.body?.cancel();
    return send(make(input), next);
  }

  close() {
    this.#current = null;
    this.#change("signed-out", "closed");
    this.#events.abort();
    this.#channel?.close();
    this.#channel = null;
  }

  /** An access token of that session; another one than the refused, if there is. */
  async #usable(session, refused) {
    const mine = this.#current;
    const isForced = refused && mine?.access === refused;
    if (isForced && !this.#renewing && performance.now() - this.#forcedAt < HOLD) return refused;
    if (isForced) this.#forcedAt = performance.now();
    if (mine && (isForced || !isFresh(mine))) {
      await this.#renew().catch((error) => {
        if (isForced || age(mine) >= mine.lifetime) throw error;
      });
    }
    if (this.#current?.session === session) return this.#current.access;
    throw new SessionError("signed-out", "the session has ended");
  }

  /** Has the current token replaced, by this tab or another. Who does so in time need not ask what others know. */
  #renew(isInTime) {
    const stale = this.#current;
    return (this.#renewing ??= this.#alone(async (hasWaited) => {
      const needsToAsk = hasWaited || !isInTime || this.#newerStored(stale);
      if (this.#current === stale && needsToAsk) await this.#ask();
      const isDone = this.#current !== stale && isFresh(this.#current);
      if (!isDone && this.state !== "signed-out") await this.#refresh(this.#current);
    }).finally(() => (this.#renewing = null)));
  }

  async #refresh(stale) {
    if (!this.#isCookie && !stale) return this.#change("signed-out", null);
    const newer = this.#newerStored(stale);
    if (newer) stale = this.#current = { ...stale, serial: newer.serial, refresh: newer.refresh };
    const held = this.#heldUntil - performance.now();
    if (held > 0) throw refusal({ retryAfter: Math.ceil(held / 1000) });
    const body = this.#isCookie ? null : { refresh_token: stale.refresh };
    const isWanted = () => this.#current?.session === stale?.session && this.state !== "signed-out";
    let wall;
    const answer = await insist(isWanted, (within) => {
      wall = Date.now();
      return this.#call("POST", "/v1/sessions/refresh", { body, within });
    }).catch((error) => this.#hold(error));
    const { status } = answer;
    const { access_token, session_id, code } = answer.body;
    const end = (reason) => this.#tell({ type: "end", session: stale?.session, reason });
    if (access_token && (!stale || session_id === stale.session)) {
      this.#tell(news(answer.body, { wall, serial: (stale?.serial ?? 0) + 1 }));
    } else if (!isWanted()) {
      return;
    } else if (access_token) {
      end("replaced");
    } else if (status === 401 && code === "invalid_refresh_token") {
      end("ended");
    } else if (this.#isCookie && status === 400 && code === "malformed_request") {
      end(stale ? "ended" : null);
    } else {
      this.#hold(refusal(answer));
    }
  }

  /** After a failure no tab asks for a while. Offline, the network's return is waited for instead. */
  #hold(error) {
    const wait = error.retryAfter * 1000 || HOLD * 2 ** Math.min(this.#failures++, 3);
    if (!isOffline()) this.#tell({ type: "hold", wait });
    throw error;
  }

  #tick = (event) => {
    clearTimeout(this.#timer);
    // Until a person opens the page, the browser grants no locks and delivers no messages.
    if (document.prerendering) return;
    this.#takeMark();
    for (const one of this.#leaving) this.#revoke(one).catch(() => {});
    const mine = this.#current;
    if (!this.#isSaved && mine?.access) this.#saveToken();
    // A page that comes back from the browser's cache has heard nothing meanwhile.
    if (event?.persisted && mine) mine.at = -Infinity;
    const isKnown = this.state === "signed-in";
    const isHidden = document.visibilityState === "hidden";
    // In body mode, a tab without a token asks other tabs only.
    const needsServer = this.#isCookie || mine;
    if (this.state === "signed-out" || (needsServer && isOffline()) || (isKnown && isHidden)) return;
    const early = isKnown ? mine.due - age(mine) : 0;
    if (early > 0) return this.#later(early);
    // The answer of this refresh may be due when it arrives: it was slow, or the machine slept.
    if (this.#renewing) return this.#later(1_000);
    this.#renew(isKnown && early > -1_000).catch(() => {
      this.#later(Math.max(this.#heldUntil - performance.now(), 1_000) * (1 + Math.random() / 4));
    });
  };

  /** Another tab may have been closed before it could tell the server of its sign-out. */
  #takeMark() {
    const session = this.#isCookie && this.state === "signed-out" && this.#leaving.size === 0 ? this.#store.read() : null;
    if (session && this.reason !== "closed") this.#leaving.add({ session, isMark: true });
  }

  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#tick, Math.min(wait, LONGEST_TIMER));
  }

  /** Takes a message from the server to memory, then to storage, then to the other tabs. */
  #tell(message, save = () => {}) {
    this.#hear(message, true);
    save();
    this.#post(message);
  }

  #startSession(body, wall) {
    // In cookie mode the cookie is now the new session's, so no sign-out of an earlier session is left to do.
    const save = () => this.#isCookie && this.#store.write(null);
    this.#tell(news(body, { wall, serial: 0, opened: true }), save);
  }

  /** Returns whether other tabs can hear it. */
  #post(message) {
    try {
      this.#channel?.postMessage(message);
      return Boolean(this.#channel);
    } catch (error) {
      this.#warn("BroadcastChannel", error);
      return false;
    }
  }

  /** Each message names the session that it is about, but for `hold`, which is about the server. */
  #hear(message, isOwn) {
    if (this.reason === "closed") return;
    const mine = this.#current;
    const { type, session } = message;
    if (type === "ask" && this.state === "signed-in") this.#post({ ...mine, opened: false });
    if (type === "hold") this.#heldUntil = performance.now() + message.wait;
    if (type === "end") this.#end(message, isOwn);
    if (type !== "news" || this.#ended.has(session)) return;
    if (mine?.session === session) {
      // A token from storage comes without an access token. Another tab may have one of the same generation.
      if (message.serial > mine.serial || (message.serial === mine.serial && !mine.access)) this.#adopt(message);
    } else if (!mine ? message.opened || this.state === "unknown" : isOwn && message.opened) {
      this.#adopt(message);
    } else if (mine && message.opened && this.#isCookie) {
      // The cookie is another session's now, and nobody's page goes on as somebody else.
      this.#end({ session: mine.session, reason: "replaced" });
    }
  }

  /** Waits a moment for what other tabs know. */
  #ask() {
    return this.#post({ type: "ask" }) && new Promise((resolve) => setTimeout((this.#wake = resolve), 100));
  }

  #adopt(told) {
    const due = told.lifetime * (0.75 + 0.15 * Math.random());
    const isSame = this.state === "signed-in" && this.#current.session === told.session;
    this.#current = { ...told, due, at: performance.now() };
    this.#failures = this.#heldUntil = 0;
    // The cookie is this session's now. In body mode a pending sign-out has a refresh token of its own.
    if (this.#isCookie) this.#leaving.clear();
    this.user = claims(told.access);
    if (!isSame) this.#change("signed-in", null);
    if (told.refresh) this.#saveToken();
    // What a tab that was frozen has missed arrives piece by piece.
    if (isFresh(this.#current)) this.#wake?.();
    this.#tick();
  }

  #end({ session, reason }, isOwn) {
    this.#ended.add(session);
    if (this.state === "signed-out" || (this.#current ? this.#current.session !== session : !isOwn)) return;
    this.#current = null;
    this.#change("signed-out", reason);
    if (this.#isCookie) return;
    // Another tab's session may be in the same storage. It stays there, unless storage has failed.
    const stored = this.#stored();
    if (!this.#isSaved || !stored || stored.session === session) this.#store.write(null);
  }

  /** The token in storage, or null. Anything else in there counts as nothing. */
  #stored() {
    const { session, serial, refresh } = Object(parsed(() => JSON.parse(this.#store.read())));
    const isToken = [session, refresh].every((text) => text && typeof text === "string") && Number.isSafeInteger(serial);
    return isToken ? { session, serial, refresh, lifetime: 0, due: 0, at: -Infinity, wall: 0 } : null;
  }

  /** The token in storage, if another tab that shares the storage has refreshed since. */
  #newerStored(mine) {
    const stored = this.#isCookie || !mine ? null : this.#stored();
    return stored?.session === mine?.session && stored?.serial > mine?.serial ? stored : null;
  }

  #saveToken() {
    const { session, serial, refresh } = this.#current;
    const isOld = this.#newerStored(this.#current);
    this.#isSaved = Boolean(isOld) || this.#store.write(JSON.stringify({ session, serial, refresh }));
  }

  #change(state, reason) {
    if (state === "signed-out") this.user = null;
    Object.assign(this, { state, reason });
    this.#settle();
    this.#wake?.();
    const change = { state, reason, user: this.user };
    const tell = (listener) => queueMicrotask(() => listener(change));
    queueMicrotask(() => this.#listeners.forEach(tell));
  }

  /** Ends a session at the server, unless a sign-in has taken its place. */
  async #revoke(leaving) {
    const { session, refresh } = leaving;
    const isWanted = () => this.#leaving.has(leaving);
    const ask = async (method, path, more) => {
      const answer = await insist(isWanted, (within) => this.#call(method, path, { ...more, within }));
      if (isWanted() && answer.status >= 400 && ![400, 401, 404].includes(answer.status)) throw refusal(answer);
      return answer;
    };
    await this.#alone(async () => {
      // The tab that left the mark may have told the server by now.
      if (leaving.isMark && this.#store.read() !== session) this.#leaving.delete(leaving);
      if (!isWanted()) return;
      if (refresh) await ask("POST", "/logout", { body: { refreshToken: refresh } });
      else await this.#revokeByCookie(leaving, ask, isWanted);
      if (!this.#leaving.delete(leaving)) return;
      // Another tab may have stored a later sign-out since.
      if (this.#isCookie && this.#store.read() === session) this.#store.write(null);
    }).catch((error) => {
      // The `online` event repeats it too, and so does the next refresh of a session that was started since.
      if (this.state === "signed-out" && !leaving.isMark && error.code === "unavailable" && !isOffline()) {
        this.#later(Math.max(error.retryAfter * 1000, RETRY));
      }
      throw error;
    });
  }

  async #revokeByCookie({ session, access }, ask, isWanted) {
    const wall = Date.now();
    // The access token may be too old. What the cookie buys is not, and tells whose the cookie is.
    const { status, body } = await ask("POST", "/v1/sessions/refresh");
    if (!isWanted()) return;
    const { session_id: found } = body;
    if (found && session !== ANY && found !== session) return this.#startSession(body, wall);
    // A browser that keeps no cookies has nothing but the access token.
    const proof = body.access_token ?? (status === 400 ? access : null);
    if (!proof) return;
    await ask("DELETE", `/v1/sessions/${found ?? session}`, { access: proof });
    if (session === ANY) this.#tell({ type: "end", session: found, reason: "signed-out" });
  }

  /** `work` is told whether another tab had the lock. */
  #alone(work) {
    const lock = this.#isCookie ? this.#name : `${this.#name} ${this.#current?.session}`;
    return underLock(lock, work, this.#warn.bind(this));
  }

  /** Reports the first thing that the browser lacks or denies. One warning says what follows from any of them. */
  #warn(what, error) {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    console.warn(
      `countersign-browser: ${what} cannot be used (${error}). The session continues in the memory of this tab. ` +
        "Other tabs and page loads may not know of it.",
    );
  }

  /** Never rejects: an answer that was lost has the status 0. */
  async #call(method, path, { body, access, within }) {
    const headers = { ...(body && { "content-type": "application/json" }) };
    if (access) headers.authorization = `Bearer ${access}`;
    const abort = new AbortController();
    let timer;
    const late = new Promise((resolve) => {
      // The answer counts as lost even if `fetch` was replaced by one that ignores the signal.
      timer = setTimeout(() => resolve(abort.abort()), within);
    });
    const exchange = async () => {
      const response = await fetch(this.#base + path, {
        method,
        headers,
        body: body && JSON.stringify(body),
        cache: "no-store",
        // The server may be on another origin. The requests of `fetch` keep the credentials that their caller chose.
        credentials: this.#isCookie ? "include" : "same-origin",
        redirect: "error",
        // The cookie of an answer is to be kept even if the page is gone by then.
        keepalive: true,
        signal: abort.signal,
      });
      const retryAfter = Math.min(Number(response.headers.get("retry-after")) || 0, 3_600);
      const text = await response.text();
      return { status: response.status, retryAfter, body: parsed(() => JSON.parse(text)) ?? {} };
    };
    const answer = await Promise.race([exchange().catch(() => null), late]);
    clearTimeout(timer);
    return answer ?? { status: 0, body: {} };
  }

  #refuseIfClosed() {
    if (this.reason === "closed") throw new SessionError("closed", "this session object was closed");
  }
}

/**
 * The only user of a storage, for one value. It never throws: a storage that is missing, denied, full or broken counts
 * as empty, and that is reported.
 */
class Store {
  #open;
  #name;
  #warn;

  /** `open` returns the storage. It is called for each use, because a browser may deny even that. */
  constructor(open, name, warn) {
    this.#open = open;
    this.#name = name;
    this.#warn = warn;
  }

  read() {
    return this.#use((storage, name) => {
      const value = storage.getItem(name);
      if (value !== null && typeof value !== "string") throw new Error("it returns something else than text");
      return value;
    });
  }

  /**
   * Returns whether the value is kept; `null` removes. If it cannot be kept, the value before is removed too: the server
   * takes a stale token for a stolen one, and a stale mark signs the person out.
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
      // Anything but the value before is another tab's, written in between.
      const after = storage.getItem(name);
      if (after !== value && after === before) throw new Error("it does not keep what is written to it");
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

function openChannel(name, hear, warn) {
  try {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => hear(data);
    return channel;
  } catch (error) {
    warn("BroadcastChannel", error);
    return null;
  }
}

/**
 * Runs `work` once, under a Web Lock. If the browser gives no lock, `work` runs without one: two tabs that present the
 * same token within the server's grace get the same successor.
 */
function underLock(name, work, warn) {
  return new Promise((resolve, reject) => {
    let isStarted = false;
    let timer;
    // A lock that comes too late is released at once.
    const start = async (hasWaited) => {
      if (isStarted) return;
      isStarted = true;
      clearTimeout(timer);
      await work(hasWaited).then(resolve, reject);
    };
    const startWithout = (error, hasWaited) => {
      if (!isStarted) warn("navigator.locks", error);
      start(hasWaited);
    };
    const limit = (wait) => {
      clearTimeout(timer);
      const stop = () => startWithout(`no lock within ${wait} ms`, true);
      // In two halves: after a pause of the whole page, a lock that was granted meanwhile comes first.
      timer = setTimeout(() => (timer = setTimeout(stop, wait / 2)), wait / 2);
    };
    const request = async (...options) => {
      try {
        await navigator.locks.request(name, ...options);
      } catch (error) {
        startWithout(error, false);
      }
    };
    limit(LOCK_ANSWER);
    request({ ifAvailable: true }, (lock) => {
      if (lock) return start(false);
      if (isStarted) return undefined;
      limit(LOCK_WAIT);
      // Not returned: the first request is done.
      request(() => start(true));
      return undefined;
    });
  });
}

/** Repeats what was lost on the way, or what the server cannot answer now, for as long as that is safe. */
async function insist(isWanted, call) {
  const began = performance.now();
  const left = () => GRACE - (performance.now() - began);
  for (let pause = 250; ; pause = Math.min(2 * pause, 2_000)) {
    if (isOffline()) throw refusal({});
    const answer = await call(Math.min(left(), 5_000));
    const { status, retryAfter = 0 } = answer;
    if ((status && status < 500 && status !== 429) || !isWanted()) return answer;
    const wait = Math.max(pause * (0.5 + Math.random() / 2), retryAfter * 1000);
    if (left() - wait < 1_000) throw refusal(answer);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!isWanted()) return answer;
  }
}

const isOffline = () => navigator.onLine === false;

const age = ({ at, wall }) => Math.max(performance.now() - at, Date.now() - wall);

const isFresh = (token) => token && token.lifetime - age(token) > Math.min(10_000, token.lifetime / 10);

function news({ session_id: session, access_token: access, refresh_token: refresh, expires_in }, about) {
  // A token's times are whole seconds, rounded down: it may be good for a second less than it says.
  const lifetime = Math.max(expires_in - 1, expires_in / 2) * 1000;
  return { type: "news", session, access, refresh, lifetime, ...about };
}

function refusal({ body, ...answer }) {
  const message = body?.detail ?? "the server cannot be asked now; try again later";
  return new SessionError(body?.code ?? "unavailable", message, answer);
}

function parsed(read) {
  try {
    return read();
  } catch {
    return null;
  }
}

/** What the access token says of its user: for a page's texts, not for decisions, because nothing is verified. */
function claims(token) {
  const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  return parsed(() => Object.freeze(JSON.parse(new TextDecoder().decode(decode(token.split(".")[1])))));
}
