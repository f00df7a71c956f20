"use strict";
// One issuer: its keys and its revocation list. All guards of a process share it if their options for the issuer and for the
// connection are equal.

const { RevocationFollower } = require("./follower.js");
const { PublishedKeys } = require("./keys.js");
const { createTransport } = require("./transport.js");
const { IssuerLog } = require("./issuer-log.js");

/** The issuers of all guards that are not closed. */
const inUse = new Set();

/** Guards share an issuer if these options are equal. */
const SHARED = ["issuer", "server", "agent", "fetch"];

class Issuer {
  #options;
  #transport;
  #log;
  #runtime;
  #guards = 0;
  #follower;

  constructor(options, runtime) {
    this.#options = options;
    this.#transport = createTransport(options);
    this.#log = new IssuerLog(options.issuer);
    this.#runtime = runtime;
    this.keys = new PublishedKeys(`${options.server}/.well-known/jwks.json`, this.#transport, this.#log, runtime);
  }

  /** Returns the issuer for a guard's options. Each call needs one later call of `release` with the same options. */
  static acquire(options, runtime) {
    const isSame = (issuer) => SHARED.every((name) => issuer.#options[name] === options[name]);
    const issuer = [...inUse].find(isSame) ?? new Issuer(options, runtime);
    inUse.add(issuer);
    issuer.#guards += 1;
    issuer.#log.add(options.log);
    return issuer;
  }

  /** Stops all requests to the issuer when its last guard is closed. */
  release({ log }) {
    this.#guards -= 1;
    this.#log.remove(log);
    if (this.#guards > 0) return;
    inUse.delete(this);
    this.keys.close();
    this.#follower?.close();
  }

  /** Returns the follower of the revocation list. The first call starts it. */
  follow() {
    const { keys } = this;
    const parts = { keys, transport: this.#transport, log: this.#log, runtime: this.#runtime };
    this.#follower ??= new RevocationFollower(this.#options, parts);
    return this.#follower;
  }
}

module.exports = { Issuer };
