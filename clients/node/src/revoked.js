"use strict";
// What was taken back and still matters: single sessions, and spans of sessions up to one (a user's, a client's,
// everybody's). Bounded; whoever adds more than fits is told so.

const { SessionTable } = require("./session-table.js");

const EVERYBODY = "everybody";
const ofUser = (sub) => `user ${sub}`;
const ofClient = (clientId) => `client ${clientId}`;

class Revoked {
  #sessions;
  /** Lists of spans by whose sessions they are. */
  #spans = new Map();
  #spanCount = 0;
  #limits;
  #sweptAt = 0;

  constructor(limits) {
    this.#limits = limits;
    this.#sessions = new SessionTable(limits.revokedSessions);
  }

  get size() {
    return this.#sessions.size + this.#spanCount;
  }

  /** Whether the session of these claims was revoked. */
  covers({ sid, sub, client_id }) {
    const isCovered = ({ upTo, except }) => sid <= upTo && sid !== except;
    const whose = [ofUser(sub), ofClient(client_id), EVERYBODY];
    return this.#sessions.has(sid) || whose.some((owner) => this.#spans.get(owner)?.some(isCovered));
  }

  /** Adds entries of the list. `false`: they do not all fit. */
  add(entries, now) {
    const live = entries.filter((entry) => entry.exp > now);
    return live.every((entry) =>
      entry.sid === undefined ? this.#addSpan(entry, now) : this.#sessions.add(entry.sid, entry.exp, now),
    );
  }

  /** Forgets entries that are over, at most once in a while. */
  sweep(now) {
    if ((now - this.#sweptAt) * 1000 < this.#limits.sweepInterval) return;
    this.#sweptAt = now;
    this.#sessions.sweep(now);
    this.#sweepSpans(now);
  }

  #addSpan({ exp, up_to: upTo, except, sub, client_id }, now) {
    const owner = sub !== undefined ? ofUser(sub) : client_id !== undefined ? ofClient(client_id) : EVERYBODY;
    const span = { exp, upTo, except };
    const spans = this.#spans.get(owner) ?? [];
    if (spans.some((known) => includes(known, span))) return true;
    if (this.#spanCount >= this.#limits.revokedSpans) this.#sweepSpans(now);
    if (this.#spanCount >= this.#limits.revokedSpans) return false;
    this.#keep(owner, [...spans.filter((known) => !includes(span, known)), span]);
    return true;
  }

  #sweepSpans(now) {
    for (const [owner, spans] of this.#spans) {
      this.#keep(
        owner,
        spans.filter((span) => span.exp > now),
      );
    }
  }

  #keep(owner, spans) {
    this.#spanCount += spans.length - (this.#spans.get(owner)?.length ?? 0);
    if (spans.length > 0) this.#spans.set(owner, spans);
    else this.#spans.delete(owner);
  }
}

/** Whether `one` covers all that `other` covers, for as long. */
function includes(one, other) {
  const isAsWide = one.except === undefined || one.except === other.except;
  return isAsWide && one.upTo >= other.upTo && one.exp >= other.exp;
}

module.exports = { Revoked };
