"use strict";
// One issuer as a process sees it: its keys and its list of revocations, shared by all guards that name it and reach it
// in the same way.

const { RevocationFollower } = require("./follower.js");
const { PublishedKeys } = require("./keys.js");
const { createTransport } = require("./transport.js");
const { IssuerLog } = require("./issuer-log.js");

/** Issuers in use. */
const inUse = new Set();

/** The options that guards of one issuer have in common. */
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

  /** The issuer that a guard names. Each call is answered by one of `release`, with the same options. */
  static acquire(options, runtime) {
    const isSame = (issuer) => SHARED.every((name) => issuer.#options[name] === options[name]);
    const issuer = [...inUse].find(isSame) ?? new Issuer(options, runtime);
    inUse.add(issuer);
    issuer.#guards += 1;
    issuer.#log.add(options.log);
    return issuer;
  }

  /** Stops everything when the last guard is gone. */
  release({ log }) {
    this.#guards -= 1;
    this.#log.remove(log);
    if (this.#guards > 0) return;
    inUse.delete(this);
    this.keys.close();
    this.#follower?.close();
  }

  /** The list of revocations, followed from the first time on that somebody asks. */
  follow() {
    const { keys } = this;
    const has = { keys, transport: this.#transport, log: this.#log, runtime: this.#runtime };
    this.#follower ??= new RevocationFollower(this.#options, has);
    return this.#follower;
  }
}

module.exports = { Issuer };
