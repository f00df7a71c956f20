// What the steps of an experiment work with: calls in somebody's name, the evidence of each answer, and waiting.
import { announce } from "../dom.js";
import { readRefreshToken } from "../refresh-token.js";

/** Milliseconds. */
const TICK = 200;

/** A step could not do its part. The message is shown: what happened, then what to do. */
export class StepFailed extends Error {}

export class Run {
  /** What the steps found out. Outcome and explanation are made of nothing else. */
  facts = {};
  lab;
  /** The session that was opened last; its story is told at the end. */
  sessionId = null;
  #step;
  /** When a refresh token was exchanged last. */
  #exchangedAt = -Infinity;
  #stopping = new AbortController();

  constructor(lab, step) {
    this.lab = lab;
    this.#step = step;
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

  /** Signs the demo user in, in a session of this run's own. */
  async open(actor, shown) {
    const call = await this.call(actor, "POST", "/v1/lab/sessions", shown, 201);
    this.sessionId = call.json.session_id;
    return pairIn(call);
  }

  /** Presents a refresh token: `{ accepted, at, refreshToken, accessToken, generation }`, or the first two when refused. */
  async present(actor, refreshToken, shown) {
    return this.#refresh(actor, refreshToken, shown, 200, 401);
  }

  /** The same for a token that must be good, as the rest needs its successor. */
  async refresh(actor, refreshToken, shown) {
    return this.#refresh(actor, refreshToken, shown, 200);
  }

  async signOut(actor, refreshToken, shown) {
    await this.call(actor, "POST", "/logout", { json: { refreshToken }, ...shown }, 204);
  }

  /** Whether an API that is guarded by access tokens lets this one in. */
  async isLetIn(actor, accessToken, note) {
    const headers = { Authorization: `Bearer ${accessToken}` };
    return (await this.call(actor, "GET", "/protectedRoute", { headers, note }, 200, 403)).status === 200;
  }

  /**
   * A call whose answer is shown, unless it is `quiet`. `note` says what is special about it. A status that is not
   * `awaited` ends the experiment: a server in trouble proves nothing.
   */
  async call(actor, method, path, { note, side, ...options } = {}, ...awaited) {
    this.signal.throwIfAborted();
    const call = await this.lab.server.call(method, path, { actor, ...options });
    this.signal.throwIfAborted();
    const { status, json } = call;
    const what = `${method} ${path}`;
    if (!options.quiet) this.show({ actor, what, status, good: status < 400, text: meaningOf(json), note, side });
    if (awaited.length === 0 || awaited.includes(status)) return call;
    throw new StepFailed(`${what} was answered with ${status}, and this experiment needs ${awaited.join(" or ")}. Run it again; if it stays so, look at the server’s log.`);
  }

  /** `{ actor, what, status, good, text, note, side }`: who did what, how it was answered, and what that means. */
  show(row) {
    this.#step().evidence(row);
  }

  add(row) {
    this.#step().add(row);
  }

  async wait(seconds, why) {
    const end = performance.now() + seconds * 1_000;
    announce(`${why}: ${seconds} seconds.`);
    for (let left = seconds; left > 0; left = Math.ceil((end - performance.now()) / 1_000)) {
      this.#step().countdown({ why, left, of: seconds });
      await this.pause(1_000);
    }
    this.#step().countdown(null);
  }

  async #refresh(actor, refreshToken, shown, ...awaited) {
    const json = { refresh_token: refreshToken, client_id: this.setup.client_id };
    const call = await this.call(actor, "POST", "/v1/sessions/refresh", { json, ...shown }, ...awaited);
    this.#exchangedAt = call.sentAt.getTime();
    return pairIn(call);
  }

  /** Until a spent token comes too late. */
  async waitForGrace(why) {
    await this.wait(this.setup.grace + 1, why);
  }

  /** For somebody who reads before a `step` whose answer depends on the grace: how much of it is left, until they go on. */
  async showGrace(step) {
    const { grace } = this.setup;
    while (step.state === "waiting" && !this.signal.aborted) {
      const left = Math.max(0, Math.ceil(grace - (Date.now() - this.#exchangedAt) / 1_000));
      step.countdown({ why: left > 0 ? "The grace still runs" : "The grace is over", left, of: grace });
      if (left === 0) return announce("The grace is over.");
      await new Promise((resolve) => setTimeout(resolve, TICK));
    }
  }

  async pause(milliseconds) {
    await new Promise((resolve) => {
      setTimeout(resolve, milliseconds);
      this.signal.addEventListener("abort", resolve, { once: true });
    });
    this.signal.throwIfAborted();
  }

  /** Waits for something else than an answer, but not for ever. */
  async until(promise, otherwise) {
    const late = this.pause(15_000).then(() => {
      throw new StepFailed(otherwise);
    });
    return Promise.race([promise, late]);
  }
}

function pairIn({ sentAt, json }) {
  const at = sentAt.getTime() / 1_000;
  if (!json?.refresh_token) return { accepted: false, at };
  const { refresh_token: refreshToken, access_token: accessToken } = json;
  return { accepted: true, at, refreshToken, accessToken, generation: readRefreshToken(refreshToken)?.generation };
}

/** The fields of an answer that matter here, in words. */
function meaningOf(json) {
  if (json?.refresh_token) return `refresh token of generation ${readRefreshToken(json.refresh_token)?.generation}, ending in ${json.refresh_token.slice(-6)}`;
  if (json?.keys) return `keys ${json.keys.map(({ kid }) => shortened(kid)).join(", ")}`;
  if (json?.kid) return `key ${shortened(json.kid)} signs now`;
  return json?.code ?? json?.message;
}

export const shortened = (text) => `${text.slice(0, 6)}…`;

export const inWords = (milliseconds) =>
  milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
