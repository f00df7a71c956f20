"use strict";
// The revoked sessions whose tokens have not expired: single sessions, and ranges that cover all sessions of a user, of a
// client, or of everyone that began no later than a given session. The number of entries is limited.

const { SessionTable } = require("./session-table.js");

const ALL_SESSIONS = "all sessions";
const userKey = (sub) => `user ${sub}`;
const clientKey = (clientId) => `client ${clientId}`;

class RevokedSessions {
  #sessions;
  /** Lists of ranges by owner: a user, a client, or `ALL_SESSIONS`. */
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

  /** Whether an entry covers the session of these claims. Session ids compare in the order in which sessions began. */
  isRevoked({ sid, sub, client_id }) {
    const covers = ({ upTo, except }) => sid <= upTo && sid !== except;
    const owners = [userKey(sub), clientKey(client_id), ALL_SESSIONS];
    return this.#sessions.has(sid) || owners.some((owner) => this.#ranges.get(owner)?.some(covers));
  }

  /** Adds the entries that expire after `now`, in seconds. Returns `false` if they do not all fit. */
  add(entries, now) {
    const unexpired = entries.filter((entry) => entry.exp > now);
    return unexpired.every((entry) =>
      entry.sid === undefined ? this.#addRange(entry, now) : this.#sessions.add(entry.sid, entry.exp, now),
    );
  }

  /** Removes expired entries, at most once in `sweepInterval`. */
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

/** Whether `one` covers every session that `other` covers, and expires no earlier. */
function includes(one, other) {
  const isAsWide = one.except === undefined || one.except === other.except;
  return isAsWide && one.upTo >= other.upTo && one.exp >= other.exp;
}

module.exports = { RevokedSessions };
