"use strict";
// Logs why an issuer cannot be used, once for each reason, and when it can be used again. Neither tokens nor the number of
// requests change what is logged.

/** What a guard needs from an issuer: the verb and the name for log lines. */
const RESOURCES = {
  keys: { verb: "fetch", name: "keys" },
  revocations: { verb: "follow", name: "revocation list" },
};

/** Characters. */
const MAX_REASON_LENGTH = 500;

class IssuerLog {
  #issuer;
  /** The log functions of the open guards, each with the number of guards that use it. */
  #logs = new Map();
  /** The current problems by resource. */
  #problems = new Map();

  constructor(issuer) {
    this.#issuer = issuer;
  }

  /** Adds a guard's log function. It gets the current problems at once, and every later line. */
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

  /** Records that a resource is unavailable. `isRejecting` says that the guard rejects tokens with 503 for this reason. */
  report(resource, reason, isRejecting) {
    const known = this.#problems.get(resource);
    const problem = { reason, isRejecting: isRejecting || known?.isRejecting === true };
    if (known?.reason === reason && known.isRejecting === problem.isRejecting) return;
    this.#problems.set(resource, problem);
    this.#write(this.#lineOf(resource, problem));
  }

  /** Records that a resource is available again. */
  clear(resource) {
    if (this.#problems.delete(resource)) this.#write(this.#lineOf(resource));
  }

  #lineOf(resource, problem) {
    const { verb, name } = RESOURCES[resource];
    const action = `${verb} the ${name} of ${this.#issuer}`;
    if (!problem) return `countersign: can ${action} again`;
    // An error from a proxy or from the program may contain line breaks and other control characters.
    const reason = problem.reason.replace(/\p{Cc}+/gu, " ").slice(0, MAX_REASON_LENGTH);
    const consequence = problem.isRejecting ? "; the guard rejects tokens with 503" : "";
    return `countersign: cannot ${action}: ${reason}${consequence}`;
  }

  #write(line) {
    for (const log of this.#logs.keys()) call(log, line);
  }
}

/** Calls a log function. Its errors are ignored, so that they do not interrupt the requests for keys and revocations. */
function call(log, line) {
  try {
    log(line);
  } catch {
    // The log function is the program's own.
  }
}

module.exports = { IssuerLog };
