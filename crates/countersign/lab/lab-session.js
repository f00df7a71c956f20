// The page's session at the server, and the server's events about all sessions of the lab.

export { readRefreshToken } from "./refresh-token.js";

const KINDS = [
  "opened",
  "rotated",
  "recovered",
  "caught_up",
  "replayed",
  "expired",
  "reused",
  "revoked",
  "gap",
];
const KEPT = 500;
const AGAIN_AFTER = 1_000;
/** Milliseconds to wait for an event: an event arrives a little later than the response that it belongs to. */
const TOLD_WITHIN = 1_000;

/**
 * Events: "change" (the pair or the state of its session changed), "event" (`detail`: an event of a session of the lab),
 * "connection" (the event stream was connected or disconnected).
 */
export class LabSession extends EventTarget {
  server;
  /**
   * `{ accessToken, refreshToken, sessionId, issuedAt, expiresIn, ended, reason }`; `ended` is null, or the name of the event
   * that ended the session.
   */
  pair = null;
  /** Oldest first, at most `KEPT`. */
  events = [];
  #last = null;
  #source = null;

  constructor(server) {
    super();
    this.server = server;
  }

  /** Opens a session of the demo user. If that fails, the pair does not change. */
  async open() {
    return this.#take(await this.server.call("POST", "/v1/lab/sessions"));
  }

  async refresh() {
    const json = { refresh_token: this.pair.refreshToken, client_id: this.server.setup.client_id };
    return this.#take(await this.server.call("POST", "/v1/sessions/refresh", { json }));
  }

  /** Keeps the pair, so that the user can still look at it and see the server reject it. */
  async signOut() {
    const { refreshToken, sessionId } = this.pair;
    const call = await this.server.call("POST", "/logout", { json: { refreshToken } });
    if (call.status === 204) this.#end(sessionId, "revoked", "signed_out");
    return call;
  }

  /** Waits for the event that says why the pair's session ended, for at most `TOLD_WITHIN`. */
  async toldOfEnd() {
    const given = AbortSignal.timeout(TOLD_WITHIN);
    while (!this.pair.ended && !given.aborted) {
      await new Promise((resolve) => {
        this.addEventListener("change", resolve, { once: true });
        given.addEventListener("abort", resolve, { once: true });
      });
    }
  }

  /** The server's record of a session as a list of sentences; empty if the server does not return one. */
  async story(sessionId) {
    const { status, json } = await this.server.call("GET", `/v1/lab/sessions/${sessionId}`, { quiet: true });
    return status === 200 ? json.story : [];
  }

  /** Follows the server's event stream until the page is closed, and reconnects when the stream ends. */
  follow() {
    const resume = this.#last ? `?after=${encodeURIComponent(this.#last)}` : "";
    const source = new EventSource(`/v1/lab/events${resume}`);
    this.#source = source;
    for (const kind of KINDS) source.addEventListener(kind, (message) => this.#hear(message));
    source.addEventListener("open", () => this.#dispatchConnection());
    source.addEventListener("error", () => {
      // The browser's own reconnection is slow, and does not happen after a response that is not an event stream.
      source.close();
      this.#dispatchConnection();
      setTimeout(() => this.follow(), AGAIN_AFTER);
    });
  }

  get isFollowing() {
    return this.#source?.readyState === EventSource.OPEN;
  }

  #take(call) {
    const { json, status } = call;
    if (status !== 200 && status !== 201) return call;
    this.pair = {
      accessToken: json.access_token,
      refreshToken: json.refresh_token,
      sessionId: json.session_id,
      issuedAt: Date.now(),
      expiresIn: json.expires_in,
      ended: null,
    };
    this.#change();
    return call;
  }

  #hear({ data, lastEventId }) {
    const event = { at: new Date().toISOString(), ...JSON.parse(data) };
    this.#last = lastEventId;
    if (this.#isKnown(event)) return;
    this.events.push(event);
    if (this.events.length > KEPT) this.events.shift();
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
    if (isEnd(event) || event.event === "expired") this.#end(event.session_id, event.event, event.reason);
  }

  /** A restarted server sends the ends of sessions again, in its own order. */
  #isKnown({ event, session_id, at }) {
    return this.events.some(
      (other) =>
        session_id &&
        other.session_id === session_id &&
        (isEnd(other) ? isEnd({ event }) : other.event === event && other.at === at),
    );
  }

  #end(sessionId, how, reason) {
    if (this.pair?.sessionId !== sessionId || this.pair.ended) return;
    this.pair = { ...this.pair, ended: how, reason };
    this.#change();
  }

  #dispatchConnection() {
    this.dispatchEvent(new Event("connection"));
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}

const isEnd = ({ event }) => event === "reused" || event === "revoked";
