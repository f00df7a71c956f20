// Sign-outs that the server may have yet to be told of.
import { failureOf } from "./errors.js";
import { callRepeatedly, isOffline } from "./transport.js";

/** Milliseconds. A sign-out that the server could not be told is repeated after this. */
const RETRY = 60_000;
/** The session of the cookie, if the person signs out before the page knows its id. */
const ANY = "*";

export class SignOuts {
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
