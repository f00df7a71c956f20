"use strict";
// What the program's log says when an issuer cannot be used: once for each reason, and once when it can be used again.
// Nothing here depends on a token or on how many requests come.

/** The two things that a guard needs from an issuer, and what it does with them. */
const NEEDS = { keys: "fetched", revocations: "followed" };

const LONGEST_REASON = 500;

class TroubleLog {
  #issuer;
  /** The functions of the guards in use, each with the number of guards that have it. */
  #logs = new Map();
  /** What is wrong at the moment, by need. */
  #troubles = new Map();

  constructor(issuer) {
    this.#issuer = issuer;
  }

  /** A guard's function hears what comes, and what is wrong already. */
  add(log) {
    const count = this.#logs.get(log) ?? 0;
    this.#logs.set(log, count + 1);
    if (count === 0) for (const [need, trouble] of this.#troubles) call(log, this.#lineOf(need, trouble));
  }

  remove(log) {
    const count = this.#logs.get(log) - 1;
    if (count > 0) this.#logs.set(log, count);
    else this.#logs.delete(log);
  }

  /** Something cannot be had; `isRefusing`: for that reason tokens are refused, until it is there again. */
  report(need, reason, isRefusing) {
    const known = this.#troubles.get(need);
    const trouble = { reason, isRefusing: isRefusing || known?.isRefusing === true };
    if (known?.reason === reason && known.isRefusing === trouble.isRefusing) return;
    this.#troubles.set(need, trouble);
    this.#say(this.#lineOf(need, trouble));
  }

  /** It is there again. */
  clear(need) {
    if (this.#troubles.delete(need)) this.#say(this.#lineOf(need));
  }

  #lineOf(need, trouble) {
    const what = `countersign: the ${need} of ${this.#issuer}`;
    if (!trouble) return `${what} can be ${NEEDS[need]} again`;
    // One line, whatever a proxy or a function of the program has put into an error.
    const reason = trouble.reason.replace(/\p{Cc}+/gu, " ").slice(0, LONGEST_REASON);
    const consequence = trouble.isRefusing ? "; the guard answers tokens with 503" : "";
    return `${what} cannot be ${NEEDS[need]}: ${reason}${consequence}`;
  }

  #say(line) {
    for (const log of this.#logs.keys()) call(log, line);
  }
}

/** A log that fails is no reason to lose keys or revocations. */
function call(log, line) {
  try {
    log(line);
  } catch {
    // The next line may succeed.
  }
}

module.exports = { TroubleLog };
