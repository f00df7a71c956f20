"use strict";
// What was taken back and still matters: single sessions, and ranges of sessions up to one (a user's, a client's,
// everybody's). Bounded; whoever adds more than fits is told so.

const { SessionTable } = require("./session-table.js");

const ALL_SESSIONS = "all sessions";
const userKey = (sub) => `user ${sub}`;
const clientKey = (clientId) => `client ${clientId}`;

class RevokedSessions {
  #sessions;
  /** Lists of ranges by whose sessions they are. */
  #ranges = new Map();
  #rangeCount = 0;
  #limits;
  #sweptAt = 0;

  constructor(limits) {
    this.#limits = limits;
    this.#sessions = new SessionTable(limits.revokedSessions);
  }

  get size() {
    return this.#sessions.size + this.#rangeCount;
  }

  /** Whether the session of these claims was revoked. */
  isRevoked({ sid, sub, client_id }) {
    const isCovered = ({ upTo, except }) => sid <= upTo && sid !== except;
    const owners = [userKey(sub), clientKey(client_id), ALL_SESSIONS];
    return this.#sessions.has(sid) || owners.some((owner) => this.#ranges.get(owner)?.some(isCovered));
  }

  /** Adds entries of the list. `false`: they do not all fit. */
  add(entries, now) {
    const unexpired = entries.filter((entry) => entry.exp > now);
    return unexpired.every((entry) =>
      entry.sid === undefined ? this.#addRange(entry, now) : this.#sessions.add(entry.sid, entry.exp, now),
    );
  }

  /** Forgets entries that are over, at most once in a while. */
  sweep(now) {
    if ((now - this.#sweptAt) * 1000 < this.#limits.sweepInterval) return;
    this.#sweptAt = now;
    this.#sessions.sweep(now);
    this.#sweepRanges(now);
  }

  #addRange({ exp, up_to: upTo, except, sub, client_id }, now) {
    const owner = sub !== undefined ? userKey(sub) : client_id !== undefined ? clientKey(client_id) : ALL_SESSIONS;
    const range = { exp, upTo, except };
    const ranges = this.#ranges.get(owner) ?? [];
    if (ranges.some((known) => includes(known, range))) return true;
    if (this.#rangeCount >= this.#limits.revokedRanges) this.#sweepRanges(now);
    if (this.#rangeCount >= this.#limits.revokedRanges) return false;
    this.#setRanges(owner, [...ranges.filter((known) => !includes(range, known)), range]);
    return true;
  }

  #sweepRanges(now) {
    for (const [owner, ranges] of this.#ranges) {
      this.#setRanges(
        owner,
        ranges.filter((range) => range.exp > now),
      );
    }
  }

  #setRanges(owner, ranges) {
    this.#rangeCount += ranges.length - (this.#ranges.get(owner)?.length ?? 0);
    if (ranges.length > 0) this.#ranges.set(owner, ranges);
    else this.#ranges.delete(owner);
  }
}

/** Whether `one` covers all that `other` covers, for as long. */
function includes(one, other) {
  const isAsWide = one.except === undefined || one.except === other.except;
  return isAsWide && one.upTo >= other.upTo && one.exp >= other.exp;
}

module.exports = { RevokedSessions };
