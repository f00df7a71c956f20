// Generated from src/ by `npm run build`. Change the files there.
//
// Signs a browser in at a Countersign server, and keeps all tabs of its origin signed in.
//
// One tab refreshes for all, under a Web Lock, and tells the others over a BroadcastChannel. A lost answer is asked for
// again with the same token, for as long as the server answers that alike. Tokens age by the time that passes: `exp` is
// never compared with this clock. In cookie mode no script sees the refresh token; in body mode it stays in memory,
// unless a `storage` is given.
//
// Each change goes to the server, then to memory, then to storage, then to the other tabs. Storage, locks and channels
// are best effort: a browser may lack or deny them. Their failure is reported once and undoes nothing.

// Errors that callers get, and the warning on the console.

class SessionError extends Error {
  constructor(code, message, { status = 0, retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { name: "SessionError", code, status, retryAfter });
  }
}

/** The error for an answer that is a refusal, or for an answer that was lost. */
function failureOf({ body = null, ...answer }) {
  const message = body?.detail ?? "the server cannot be asked now; try again later";
  return new SessionError(body?.code ?? "unavailable", message, answer);
}

/** Reports the first thing that the browser lacks or denies. One warning says what follows from any of them. */
function createWarning() {
  let hasWarned = false;
  return (what, error) => {
    if (hasWarned) return;
    hasWarned = true;
    console.warn(
      `countersign-browser: ${what} cannot be used (${error}). The session continues in the memory of this tab. ` +
        "Other tabs and page loads may not know of it.",
    );
  };
}

// A token as the tabs know it: `{ type, session, serial, access, refresh, lifetime, wall }`, and in a tab that holds it
// `at` and `due` too. `at` is on a clock that nobody sets, `wall` on one that runs during sleep.

const age = ({ at, wall }) => Math.max(performance.now() - at, Date.now() - wall);

const isFresh = (token) => token && token.lifetime - age(token) > Math.min(10_000, token.lifetime / 10);

/** The message to other tabs about the server's token response. */
function news({ session_id: session, access_token: access, refresh_token: refresh, expires_in }, about) {
  // A token's times are whole seconds, rounded down: it may be good for a second less than it says.
  const lifetime = Math.max(expires_in - 1, expires_in / 2) * 1000;
  return { type: "news", session, access, refresh, lifetime, ...about };
}

/** The token of that message, as of now. */
function tokenOf(message) {
  const due = message.lifetime * (0.75 + 0.15 * Math.random());
  return { ...message, due, at: performance.now() };
}

/** What the access token says of its user: for a page's texts, not for decisions, because nothing is verified. */
function claims(access) {
  try {
    const base64 = access.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return Object.freeze(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

// JSON from the network and from storage, which can be anything.

/** The value, or null if the text is not JSON. */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// HTTP to the server: one call, and calls that are repeated for as long as that is safe.

/** Milliseconds. The server's grace is ten seconds, unless it was told otherwise. */
const GRACE = 9_000;

class Transport {
  #base;
  #isCookie;

  constructor(base, isCookie) {
    this.#base = base;
    this.#isCookie = isCookie;
  }

  /** Never rejects: an answer that was lost has the status 0. */
  async call(method, path, { body = null, access = null, within }) {
    const headers = {
      ...(body && { "content-type": "application/json" }),
      ...(access && { authorization: `Bearer ${access}` }),
    };
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
      return { status: response.status, retryAfter, body: parseJson(text) ?? {} };
    };
    const answer = await Promise.race([exchange().catch(() => null), late]);
    clearTimeout(timer);
    return answer ?? { status: 0, body: {} };
  }
}

/** Repeats what was lost on the way, or what the server cannot answer now, for as long as that is safe. */
async function callRepeatedly(isWanted, call) {
  const began = performance.now();
  const left = () => GRACE - (performance.now() - began);
  for (let pause = 250; ; pause = Math.min(2 * pause, 2_000)) {
    if (isOffline()) throw failureOf({});
    const answer = await call(Math.min(left(), 5_000));
    const { status, retryAfter = 0 } = answer;
    if ((status && status < 500 && status !== 429) || !isWanted()) return answer;
    const wait = Math.max(pause * (0.5 + Math.random() / 2), retryAfter * 1000);
    if (left() - wait < 1_000) throw failureOf(answer);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!isWanted()) return answer;
  }
}

const isOffline = () => navigator.onLine === false;

// When a token is replaced, and how: by another tab's, or by a refresh at the server.

/** Milliseconds. */
const HOLD = 10_000;

class Refreshing {
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

// Sign-outs that the server may have yet to be told of.

/** Milliseconds. A sign-out that the server could not be told is repeated after this. */
const RETRY = 60_000;
/** The session of the cookie, if the person signs out before the page knows its id. */
const ANY = "*";

class SignOuts {
  #tab;
  #transport;
  #mark;
  #later;
  /** The sessions that the server has yet to be told to end: tokens, or `{ session, isMark }`. */
  #leaving = new Set();

  /** In cookie mode `mark` holds the id of a session whose sign-out is not done yet. */
  constructor({ tab, transport, mark, later }) {
    this.#tab = tab;
    this.#transport = transport;
    this.#mark = mark;
    this.#later = later;
  }

  /** Returns whether an earlier page has left a sign-out to do. */
  takeOver() {
    const session = this.#mark.read();
    if (session) this.#leaving.add({ session });
    return Boolean(session);
  }

  /** Signs out this session, or that of the cookie if it is not known. */
  async start(isUnknown) {
    const leaving = this.#tab.token ?? (isUnknown ? { session: ANY } : null);
    if (leaving) this.#leaving.add(leaving);
    // The server is asked first, so that nothing below can prevent it.
    const told = Promise.all(Array.from(this.#leaving, (one) => this.#revoke(one)));
    if (leaving) {
      const { session } = leaving;
      // In cookie mode a pending sign-out must outlive the page, because the cookie does.
      this.#tab.tell({ type: "end", session, reason: "signed-out" }, () => this.#mark.write(session));
    }
    await told;
  }

  /** Tells the server again. */
  repeat() {
    const { state, reason } = this.#tab;
    // Another tab may have been closed before it could tell the server of its sign-out.
    const session = state === "signed-out" && this.#leaving.size === 0 ? this.#mark.read() : null;
    if (session && reason !== "closed") this.#leaving.add({ session, isMark: true });
    for (const one of this.#leaving) this.#revoke(one).catch(() => {});
  }

  forget() {
    this.#leaving.clear();
  }

  /** Ends a session at the server, unless a sign-in has taken its place. */
  async #revoke(leaving) {
    const { session, refresh } = leaving;
    const isWanted = () => this.#leaving.has(leaving);
    const ask = async (method, path, more) => {
      const answer = await callRepeatedly(isWanted, (within) => this.#transport.call(method, path, { ...more, within }));
      if (isWanted() && answer.status >= 400 && ![400, 401, 404].includes(answer.status)) throw failureOf(answer);
      return answer;
    };
    const work = async () => {
      // The tab that left the mark may have told the server by now.
      if (leaving.isMark && this.#mark.read() !== session) this.#leaving.delete(leaving);
      if (!isWanted()) return;
      if (refresh) await ask("POST", "/logout", { body: { refreshToken: refresh } });
      else await this.#revokeByCookie(leaving, ask, isWanted);
      if (!this.#leaving.delete(leaving)) return;
      // Another tab may have stored a later sign-out since.
      if (this.#mark.read() === session) this.#mark.write(null);
    };
    await this.#tab.alone(work).catch((error) => {
      // The `online` event repeats it too, and so does the next refresh of a session that was started since.
      if (this.#tab.state === "signed-out" && !leaving.isMark && error.code === "unavailable" && !isOffline()) {
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
    if (found && session !== ANY && found !== session) return this.#tab.startSession(body, wall);
    // A browser that keeps no cookies has nothing but the access token.
    const proof = body.access_token ?? (status === 400 ? access : null);
    if (!proof) return;
    await ask("DELETE", `/v1/sessions/${found ?? session}`, { access: proof });
    if (session === ANY) this.#tab.tell({ type: "end", session: found, reason: "signed-out" });
  }
}

// What survives a page load, if the browser lets it. Storage is best effort.

/**
 * The only user of a storage, for one value. It never throws: a storage that is missing, denied, full or broken counts
 * as empty, and that is reported.
 */
class Store {
  #open;
  #name;
  #warn;

  /**
   * `open` returns the storage. It is called for each use, because a browser may deny even that. Without it nothing is
   * kept.
   */
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

/** The refresh token in storage, in body mode. Tabs may share the storage. */
class SavedToken {
  #store;
  /** Whether storage holds the current token, as far as this tab knows. */
  #isSaved = true;

  constructor(store) {
    this.#store = store;
  }

  /** The token in storage, or null. Anything else in there counts as nothing. */
  read() {
    const { session, serial, refresh } = Object(parseJson(this.#store.read()));
    const isToken = [session, refresh].every((text) => text && typeof text === "string") && Number.isSafeInteger(serial);
    return isToken ? { session, serial, refresh, lifetime: 0, due: 0, at: -Infinity, wall: 0 } : null;
  }

  /** The token in storage, if another tab that shares the storage has refreshed since. */
  newerThan(mine) {
    const stored = mine && this.read();
    return stored && stored.session === mine.session && stored.serial > mine.serial ? stored : null;
  }

  save(token) {
    const { session, serial, refresh } = token;
    const isOld = this.newerThan(token);
    this.#isSaved = Boolean(isOld) || this.#store.write(JSON.stringify({ session, serial, refresh }));
  }

  /** Saves the token if that has failed before. */
  saveAgain(token) {
    if (!this.#isSaved) this.save(token);
  }

  remove(session) {
    // Another tab's session may be in the same storage. It stays there, unless storage has failed.
    const stored = this.read();
    if (!this.#isSaved || !stored || stored.session === session) this.#store.write(null);
  }
}

// What this tab knows: who is signed in, and with which token. Messages change it, those of this tab and of others.

class Tab {
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

// Coordination between the tabs of one origin: messages over a BroadcastChannel, and a Web Lock.

/** A browser says at once whether a lock is free. The longest work under a lock is a sign-in, which takes 30 seconds. */
const LOCK_ANSWER = 3_000;
const LOCK_WAIT = 35_000;

class Tabs {
  #name;
  #warn;
  #channel;
  #wake;

  constructor(name, warn) {
    this.#name = name;
    this.#warn = warn;
    try {
      this.#channel = new BroadcastChannel(name);
    } catch (error) {
      warn("BroadcastChannel", error);
    }
  }

  /** `hear` is called with each message of another tab. */
  listen(hear) {
    if (this.#channel) this.#channel.onmessage = ({ data }) => hear(data);
  }

  /** Returns whether other tabs can hear it. */
  post(message) {
    try {
      this.#channel?.postMessage(message);
      return Boolean(this.#channel);
    } catch (error) {
      this.#warn("BroadcastChannel", error);
      return false;
    }
  }

  /** Waits a moment for what other tabs know. */
  ask() {
    return this.post({ type: "ask" }) && new Promise((resolve) => setTimeout((this.#wake = resolve), 100));
  }

  /** Ends the wait of `ask`. */
  wake() {
    this.#wake?.();
  }

  /** Runs `work` in one tab at a time. `work` is told whether another tab had the lock. */
  alone(suffix, work) {
    return underLock(this.#name + suffix, work, this.#warn);
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
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
    const attempt = async (request) => {
      try {
        await request();
      } catch (error) {
        startWithout(error, false);
      }
    };
    const requestIfFree = () =>
      navigator.locks.request(name, { ifAvailable: true }, (lock) => {
        if (lock) return start(false);
        if (isStarted) return undefined;
        limit(LOCK_WAIT);
        // Not returned: the first request is done.
        attempt(() => navigator.locks.request(name, () => start(true)));
        return undefined;
      });
    limit(LOCK_ANSWER);
    attempt(requestIfFree);
  });
}

// The session as a page uses it. It wires the parts together and decides when they run.

/** The most milliseconds that `setTimeout` accepts. It treats more as zero. */
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

// The options of a session, and whether they fit the place where it is made.

function createSession({ baseUrl, mode, allow = [], storage, ...unknown }) {
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
  return new Session({ base, isCookie, origins, open });
}

export { SessionError, createSession };
