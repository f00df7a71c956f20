"use strict";
// What the program's log says when an issuer cannot be used: once for each reason, and once when it can be used again.
// Nothing here depends on a token or on how many requests come.

/** The two things that a guard needs from an issuer, and what it does with them. */
const RESOURCES = { keys: "fetched", revocations: "followed" };

const LONGEST_REASON = 500;

class IssuerLog {
  #issuer;
  /** The functions of the guards in use, each with the number of guards that have it. */
  #logs = new Map();
  /** What is wrong at the moment, by resource. */
  #problems = new Map();

  constructor(issuer) {
    this.#issuer = issuer;
  }

  /** A guard's function hears what comes, and what is wrong already. */
  add(log) {
    const count = this.#logs.get(log) ?? 0;
    this.#logs.set(log, count + 1);
    if (count === 0) for (const [resource, problem] of this.#problems) call(log, this.#lineOf(resource, problem));
  }

  remove(log) {
    const count = this.#logs.get(log) - 1;
    if (count > 0) this.#logs.set(log, count);
    else this.#logs.delete(log);
  }

  /** Something cannot be had; `isRefusing`: for that reason tokens are refused, until it is there again. */
  report(resource, reason, isRefusing) {
    const known = this.#problems.get(resource);
    const problem = { reason, isRefusing: isRefusing || known?.isRefusing === true };
    if (known?.reason === reason && known.isRefusing === problem.isRefusing) return;
    this.#problems.set(resource, problem);
    this.#write(this.#lineOf(resource, problem));
  }

  /** It is there again. */
  clear(resource) {
    if (this.#problems.delete(resource)) this.#write(this.#lineOf(resource));
  }

  #lineOf(resource, problem) {
    const what = `countersign: the ${resource} of ${this.#issuer}`;
    if (!problem) return `${what} can be ${RESOURCES[resource]} again`;
    // One line, whatever a proxy or a function of the program has put into an error.
    const reason = problem.reason.replace(/\p{Cc}+/gu, " ").slice(0, LONGEST_REASON);
    const consequence = problem.isRefusing ? "; the guard answers tokens with 503" : "";
    return `${what} cannot be ${RESOURCES[resource]}: ${reason}${consequence}`;
  }

  #write(line) {
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

module.exports = { IssuerLog };
