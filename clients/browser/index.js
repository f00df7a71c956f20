// Signs a browser in at a Countersign server, and keeps all tabs of its origin signed in.
//
// One tab refreshes for all, under a Web Lock, and tells the others over a BroadcastChannel. A lost answer is asked for
// again with the same token, for as long as the server answers that alike. Tokens age by the time that passes: `exp` is
// never compared with this clock. In cookie mode no script sees the refresh token; in body mode it stays in memory,
// unless a `storage` is given.

/** Milliseconds. The server's grace is ten seconds, unless it was told otherwise. */
const GRACE = 9_000;
const HOLD = 10_000;

export class SessionError extends Error {
  constructor(code, message, { status = 0, retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { name: "SessionError", code, status, retryAfter });
  }
}

export function createSession({ baseUrl, mode, allow = [], storage, ...unknown }) {
  const isCookie = mode === "cookie";
  const { href, origin } = new URL(baseUrl, globalThis.location?.href);
  const origins = new Set([origin, ...allow.map((url) => new URL(url).origin)]);
  const wrong =
    Object.keys(unknown)[0] ??
    (isCookie || mode === "body" ? null : "mode") ??
    (origins.has("null") ? "allow" : null) ??
    (typeof baseUrl !== "string" || (isCookie && origin !== location.origin) ? "baseUrl" : null) ??
    (isCookie && storage ? "storage" : null);
  if (wrong) throw new TypeError(`the option \`${wrong}\` is not right; the README lists what can be given`);
  const base = href.replace(/\/+$/, "");
  // In cookie mode it holds the id of a session whose sign-out is not done yet, and nothing else.
  return new Session(base, isCookie, origins, isCookie ? globalThis.localStorage : storage);
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
  #storage;
  #name;
  #channel;
  /** The newest tokens, and since when: `at` on a clock that nobody sets, `wall` on one that runs during sleep. */
  #current = null;
  #leaving = null;
  #ended = new Set();
  #listeners = new Set();
  #events = new AbortController();
  #renewing = null;
  #timer;
  #heldUntil = 0;
  #failures = 0;
  #forcedAt = -Infinity;
  #wake;

  constructor(base, isCookie, origins, storage) {
    this.#base = base;
    this.#isCookie = isCookie;
    this.#origins = origins;
    this.#storage = storage;
    this.#name = `countersign:${isCookie ? "cookie" : "body"}:${base}`;
    if (globalThis.BroadcastChannel) {
      this.#channel = new BroadcastChannel(this.#name);
      this.#channel.onmessage = ({ data }) => this.#hear(data);
    }
    const { signal } = this.#events;
    for (const name of ["online", "pageshow"]) addEventListener(name, this.#tick, { signal });
    globalThis.document?.addEventListener("visibilitychange", this.#tick, { signal });
    const kept = storage?.getItem(this.#name);
    const known = !isCookie && parsed(() => JSON.parse(kept));
    if (kept && isCookie) {
      this.#leaving = { session: kept };
      this.#change("signed-out", "signed-out");
    } else if (known) {
      this.#current = { ...known, lifetime: 0, due: 0, at: -Infinity, wall: 0 };
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
      this.#leave(null);
      this.#tell(news(answer.body, { wall, serial: 0, opened: true }));
      return this.user;
    });
  }

  async signOut() {
    if (this.state === "unknown") await this.#renew();
    if (this.#current) {
      this.#leave(this.#current);
      this.#tell({ type: "end", session: this.#current.session, reason: "signed-out" });
    }
    await this.#revoke(this.#leaving);
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
      if (this.#current === stale && (hasWaited || !isInTime)) await this.#ask();
      const isDone = this.#current !== stale && isFresh(this.#current);
      if (!isDone && this.state !== "signed-out") await this.#refresh(this.#current);
    }).finally(() => (this.#renewing = null)));
  }

  async #refresh(stale) {
    if (!this.#isCookie && !stale) return this.#change("signed-out", null);
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
    if (navigator.onLine) this.#tell({ type: "hold", wait });
    throw error;
  }

  #tick = (event) => {
    clearTimeout(this.#timer);
    this.#revoke(this.#leaving).catch(() => {});
    const mine = this.#current;
    // A page that comes back from the browser's cache has heard nothing meanwhile.
    if (event?.persisted && mine) mine.at = -Infinity;
    const isKnown = this.state === "signed-in";
    const isHidden = globalThis.document?.visibilityState === "hidden";
    if (this.state === "signed-out" || !navigator.onLine || (isKnown && isHidden)) return;
    const early = isKnown ? mine.due - age(mine) : 0;
    const later = (wait) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(this.#tick, wait);
    };
    if (early > 0) return later(early);
    this.#renew(isKnown && early > -1_000).catch(() => {
      later(Math.max(this.#heldUntil - performance.now(), 1_000) * (1 + Math.random() / 4));
    });
  };

  #tell(message) {
    this.#channel?.postMessage(message);
    this.#hear(message, true);
  }

  /** Each message names the session that it is about, but for `hold`, which is about the server. */
  #hear(message, isOwn) {
    if (this.reason === "closed") return;
    const mine = this.#current;
    const { type, session } = message;
    if (type === "ask" && this.state === "signed-in") this.#channel.postMessage({ ...mine, opened: false });
    if (type === "hold") this.#heldUntil = performance.now() + message.wait;
    if (type === "end") this.#end(message, isOwn);
    if (type !== "news" || this.#ended.has(session)) return;
    if (mine?.session === session) {
      if (message.serial > mine.serial || !mine.access) this.#adopt(message);
    } else if (!mine ? message.opened || this.state === "unknown" : isOwn && message.opened) {
      this.#adopt(message);
    } else if (mine && message.opened && this.#isCookie) {
      // The cookie is another session's now, and nobody's page goes on as somebody else.
      this.#end({ session: mine.session, reason: "replaced" });
    }
  }

  /** Waits a moment for what other tabs know. */
  #ask() {
    this.#channel?.postMessage({ type: "ask" });
    return this.#channel && new Promise((resolve) => setTimeout((this.#wake = resolve), 100));
  }

  #adopt(told) {
    const due = told.lifetime * (0.75 + 0.15 * Math.random());
    const isSame = this.state === "signed-in" && this.#current.session === told.session;
    this.#current = { ...told, due, at: performance.now() };
    this.#failures = this.#heldUntil = 0;
    const { session, serial, refresh } = told;
    if (refresh) this.#storage?.setItem(this.#name, JSON.stringify({ session, serial, refresh }));
    this.user = claims(told.access);
    if (!isSame) this.#change("signed-in", null);
    // What a tab that was frozen has missed arrives piece by piece.
    if (isFresh(this.#current)) this.#wake?.();
    this.#tick();
  }

  #end({ session, reason }, isOwn) {
    this.#ended.add(session);
    if (this.state === "signed-out" || (this.#current ? this.#current.session !== session : !isOwn)) return;
    if (!this.#isCookie) this.#storage?.removeItem(this.#name);
    this.#current = null;
    this.#change("signed-out", reason);
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
    if (!leaving) return;
    const { session, refresh } = leaving;
    const kept = () => (this.#isCookie && this.#storage ? this.#storage.getItem(this.#name) : session);
    const isWanted = () => this.#leaving === leaving && kept() === session;
    const ask = async (method, path, more) => {
      const answer = await insist(isWanted, (within) => this.#call(method, path, { ...more, within }));
      if (isWanted() && answer.status >= 400 && ![400, 401, 404].includes(answer.status)) throw refusal(answer);
      return answer.body;
    };
    await this.#alone(async () => {
      if (isWanted() && refresh) await ask("POST", "/logout", { body: { refreshToken: refresh } });
      // The access token may be too old. What the cookie buys is not, and tells whose the cookie is.
      const last = isWanted() && !refresh ? await ask("POST", "/v1/sessions/refresh") : {};
      const mine = { access: last.access_token };
      if (isWanted() && last.session_id === session) await ask("DELETE", `/v1/sessions/${session}`, mine);
      if (isWanted()) this.#leave(null);
      else if (this.#leaving === leaving) this.#leaving = null;
    });
  }

  /** In cookie mode a sign-out that is not done outlives the page, as the cookie does. */
  #leave(leaving) {
    this.#leaving = leaving;
    if (!this.#isCookie) return;
    if (leaving) this.#storage?.setItem(this.#name, leaving.session);
    else this.#storage?.removeItem(this.#name);
  }

  /** `work` is told whether another tab had the lock. */
  async #alone(work) {
    const { locks } = navigator;
    const lock = this.#isCookie ? this.#name : `${this.#name} ${this.#current?.session}`;
    if (!locks) return work();
    const wait = () => locks.request(lock, () => work(true));
    return locks.request(lock, { ifAvailable: true }, (isFree) => (isFree ? work() : wait()));
  }

  /** Never rejects: an answer that was lost has the status 0. */
  async #call(method, path, { body, access, within }) {
    const headers = { ...(body && { "content-type": "application/json" }) };
    if (access) headers.authorization = `Bearer ${access}`;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), within);
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers,
        body: body && JSON.stringify(body),
        cache: "no-store",
        redirect: "error",
        // The cookie of an answer is to be kept even if the page is gone by then.
        keepalive: true,
        signal: abort.signal,
      });
      const retryAfter = Math.min(Number(response.headers.get("retry-after")) || 0, 3_600);
      const text = await response.text();
      return { status: response.status, retryAfter, body: parsed(() => JSON.parse(text)) ?? {} };
    } catch {
      return { status: 0, body: {} };
    } finally {
      clearTimeout(timer);
    }
  }

  #refuseIfClosed() {
    if (this.reason === "closed") throw new SessionError("closed", "this session object was closed");
  }
}

/** Repeats what was lost on the way, or what the server cannot answer now, for as long as that is safe. */
async function insist(isWanted, call) {
  const began = performance.now();
  const left = () => GRACE - (performance.now() - began);
  for (let pause = 250; ; pause = Math.min(2 * pause, 2_000)) {
    if (!navigator.onLine) throw refusal({});
    const answer = await call(Math.min(left(), 5_000));
    const { status, retryAfter = 0 } = answer;
    if ((status && status < 500 && status !== 429) || !isWanted()) return answer;
    const wait = Math.max(pause * (0.5 + Math.random() / 2), retryAfter * 1000);
    if (left() - wait < 1_000) throw refusal(answer);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!isWanted()) return answer;
  }
}

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
