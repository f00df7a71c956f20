// The operations that the steps of an experiment use: calls as one of the actors, evidence rows, and waiting.
import { announce } from "../dom.js";
import { readRefreshToken } from "../refresh-token.js";

/** Milliseconds between two updates of the countdown. */
const TICK = 200;

/** A step could not be completed. The page shows the message, which says what happened and what to do. */
export class StepFailed extends Error {}

export class Run {
  /** The results of the steps. The outcome and the explanation are computed only from them. */
  facts = {};
  lab;
  /** The session that was opened last; the page shows the server's record of it at the end. */
  sessionId = null;
  #step;
  /** When a refresh token was last exchanged, in milliseconds since 1970. */
  #exchangedAt = -Infinity;
  #stopping = new AbortController();

  constructor(lab, step) {
    this.lab = lab;
    this.#step = step;
  }

  /** Aborted when the run is cancelled or finished. Streams that the run opened are then closed. */
  get signal() {
    return this.#stopping.signal;
  }

  stop() {
    this.#stopping.abort();
  }

  get setup() {
    return this.lab.server.setup;
  }

  /** Opens a new session of the demo user for this run. */
  async open(actor, shown) {
    const call = await this.call(actor, "POST", "/v1/lab/sessions", shown, 201);
    this.sessionId = call.json.session_id;
    return pairIn(call);
  }

  /** Presents a refresh token. Returns `{ accepted, at, refreshToken, accessToken, generation }`; only the first two if rejected. */
  async present(actor, refreshToken, shown) {
    return this.#refresh(actor, refreshToken, shown, 200, 401);
  }

  /** Like `present`, for a token that must be accepted, because later steps need its successor. */
  async refresh(actor, refreshToken, shown) {
    return this.#refresh(actor, refreshToken, shown, 200);
  }

  async signOut(actor, refreshToken, shown) {
    await this.call(actor, "POST", "/logout", { json: { refreshToken }, ...shown }, 204);
  }

  /** Whether an API that requires an access token accepts this one. */
  async isLetIn(actor, accessToken, note) {
    const headers = { Authorization: `Bearer ${accessToken}` };
    return (await this.call(actor, "GET", "/protectedRoute", { headers, note }, 200, 403)).status === 200;
  }

  /**
   * Makes a call and shows the response, unless it is `quiet`. `note` is a remark on the call. A status that is not in
   * `awaited` stops the experiment, because an unexpected error proves nothing about the design.
   */
  async call(actor, method, path, { note, side, ...options } = {}, ...awaited) {
    this.signal.throwIfAborted();
    const call = await this.lab.server.call(method, path, { actor, ...options });
    this.signal.throwIfAborted();
    const { status, json } = call;
    const what = `${method} ${path}`;
    if (!options.quiet) this.show({ actor, what, status, good: status < 400, text: meaningOf(json), note, side });
    if (awaited.length === 0 || awaited.includes(status)) return call;
    throw new StepFailed(`The server responded to ${what} with ${status}, and this experiment needs ${awaited.join(" or ")}. Run the experiment again. If it fails again, check the server’s log.`);
  }

  /** `{ actor, what, status, good, text, note, side }`: the actor, the request, the response and its meaning. */
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

  /** Waits until the grace period of the last refresh is over. */
  async waitForGrace(why) {
    await this.wait(this.setup.grace + 1, why);
  }

  /** Shows the remaining grace period while the user has not yet started a `step` that depends on it. */
  async showGrace(step) {
    const { grace } = this.setup;
    while (step.state === "waiting" && !this.signal.aborted) {
      const left = Math.max(0, Math.ceil(grace - (Date.now() - this.#exchangedAt) / 1_000));
      step.countdown({ why: left > 0 ? "Grace period" : "The grace period is over", left, of: grace });
      if (left === 0) return announce("The grace period is over.");
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

  /** Waits for `promise`, at most 15 seconds; then fails with `StepFailed` and the message `otherwise`. */
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

/** A short text about the relevant fields of a response. */
function meaningOf(json) {
  if (json?.refresh_token) return `refresh token of generation ${readRefreshToken(json.refresh_token)?.generation}, ending in ${json.refresh_token.slice(-6)}`;
  if (json?.keys) return `keys ${json.keys.map(({ kid }) => shortened(kid)).join(", ")}`;
  if (json?.kid) return `key ${shortened(json.kid)} signs now`;
  return json?.code ?? json?.message;
}

export const shortened = (text) => `${text.slice(0, 6)}…`;

export const inWords = (milliseconds) =>
  milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
