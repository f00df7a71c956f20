// Sign-outs. Each one is repeated until the server has received it.
import { failureOf } from "./errors.js";
import { callRepeatedly, isOffline } from "./transport.js";

/** Milliseconds after which a sign-out that the server did not receive is repeated. */
const RETRY = 60_000;
/** Stands for the session of the cookie, if the user signs out before the page knows the session's id. */
const ANY = "*";

export class SignOuts {
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
