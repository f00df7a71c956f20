// What the steps of an experiment work with: calls in somebody's name, the evidence of each answer, and waiting.
import { announce } from "../dom.js";
import { readRefreshToken } from "../refresh-token.js";

/** A step could not do its part. The message is shown: what happened, then what to do. */
export class StepFailed extends Error {}

export class Run {
  /** What the steps found out. Outcome and explanation are made of nothing else. */
  facts = {};
  lab;
  /** The session that was opened last; its story is told at the end. */
  sessionId = null;
  #page;
  #stopping = new AbortController();

  /** `page` shows things in the step that runs: `evidence(row)`, `countdown({ text, left, of })`, `panel(node)`. */
  constructor(lab, page) {
    this.lab = lab;
    this.#page = page;
  }

  /** Aborted when the run was cancelled or has ended: what it holds open is let go then. */
  get signal() {
    return this.#stopping.signal;
  }

  stop() {
    this.#stopping.abort();
  }

  get setup() {
    return this.lab.server.setup;
  }

  /** A bit more than the grace, in seconds. */
  get afterGrace() {
    return this.setup.grace + 1;
  }

  /** Signs the demo user in, in a session of this run's own. */
  async open(actor, shown) {
    const call = await this.call(actor, "POST", "/v1/lab/sessions", shown);
    expect(call, 201);
    this.sessionId = call.json.session_id;
    return pairIn(call);
  }

  /** `{ accepted, at, refreshToken, accessToken, generation }`; a refused one has the first two alone. */
  async refresh(actor, refreshToken, shown) {
    const json = { refresh_token: refreshToken, client_id: this.setup.client_id };
    const call = await this.call(actor, "POST", "/v1/sessions/refresh", { json, ...shown });
    expect(call, 200, 401);
    return pairIn(call);
  }

  async signOut(actor, refreshToken, shown) {
    expect(await this.call(actor, "POST", "/logout", { json: { refreshToken }, ...shown }), 204);
  }

  /** Whether an API that is guarded by access tokens lets this one in. */
  async isLetIn(actor, accessToken, shown) {
    const headers = { Authorization: `Bearer ${accessToken}` };
    const call = await this.call(actor, "GET", "/protectedRoute", { headers, ...shown });
    expect(call, 200, 403);
    return call.status === 200;
  }

  /** Asks the server whether a token is good now (RFC 7662), as an API with a password of its own may. */
  async isActive(token, shown) {
    const { client_id, client_secret } = this.setup.introspection;
    const headers = { Authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` };
    const call = await this.call("API", "POST", "/oauth2/introspect", { headers, form: { token }, ...shown });
    expect(call, 200);
    return call.json.active;
  }

  /** Any call. `note` says in a few words what is special about it; a `quiet` one is shown nowhere. */
  async call(actor, method, path, { note, side, ...options } = {}) {
    this.signal.throwIfAborted();
    const call = await this.lab.server.call(method, path, { actor, ...options });
    this.signal.throwIfAborted();
    if (!options.quiet) this.show({ actor, what: `${method} ${path}`, status: call.status, text: meaningOf(call), note, side });
    return call;
  }

  /** A line of evidence: `{ actor, what, status, good, text, note, side }`. */
  show(row) {
    this.#page.evidence({ good: row.status < 400, ...row });
  }

  /** Something of the experiment's own to look at in the step. */
  panel(node) {
    this.#page.panel(node);
  }

  async wait(seconds, why) {
    const end = performance.now() + seconds * 1_000;
    announce(`${why}: ${seconds} seconds.`);
    for (let left = seconds; left > 0; left = Math.ceil((end - performance.now()) / 1_000)) {
      this.#page.countdown({ text: why, left, of: seconds });
      await this.pause(Math.min(1_000, Math.max(0, end - performance.now())));
    }
    this.#page.countdown(null);
  }

  async pause(milliseconds) {
    const { signal } = this;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
    });
    signal.throwIfAborted();
  }

  /** Waits for something else than an answer, but not for ever. */
  async until(promise, seconds, otherwise) {
    const late = this.pause(seconds * 1_000).then(() => {
      throw new StepFailed(otherwise);
    });
    return Promise.race([promise, late]);
  }
}

/** Anything but an answer that the experiment is about ends it: a server in trouble proves nothing. */
function expect({ method, path, status, json }, ...awaited) {
  if (awaited.includes(status)) return;
  const why = json?.detail ?? json?.message ?? "It gave no reason.";
  throw new StepFailed(`${method} ${path} was answered with ${status}: ${why} Run the experiment again; if it stays so, look at the server's log.`);
}

function pairIn({ sentAt, json }) {
  const at = sentAt.getTime() / 1_000;
  if (!json?.refresh_token) return { accepted: false, at };
  return {
    accepted: true,
    at,
    refreshToken: json.refresh_token,
    accessToken: json.access_token,
    generation: readRefreshToken(json.refresh_token)?.generation,
  };
}

/** The fields of an answer that matter here, in words. */
function meaningOf({ json }) {
  if (json?.refresh_token) {
    const { generation } = readRefreshToken(json.refresh_token) ?? {};
    return `refresh token of generation ${generation}, ends with ${json.refresh_token.slice(-6)}`;
  }
  if (json?.keys) return `keys ${json.keys.map(({ kid }) => shortened(kid)).join(", ")}`;
  if (json?.kid) return `key ${shortened(json.kid)} signs now`;
  if (typeof json?.active === "boolean") return `active: ${json.active}`;
  if (json?.code) return `${json.code}: ${json.detail}`;
  return json?.message ?? "";
}

export const shortened = (text) => `${text.slice(0, 6)}…`;

export const inWords = (milliseconds) =>
  milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
