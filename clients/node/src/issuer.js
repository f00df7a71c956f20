"use strict";
// One issuer as a process sees it: its keys and its list of revocations, shared by all guards that name it and reach it
// in the same way.

const { RevocationFollower } = require("./follower.js");
const { PublishedKeys } = require("./keys.js");
const { transportOf } = require("./transport.js");

/** Issuers in use. */
const inUse = new Set();

/** The options that guards of one issuer have in common. */
const SHARED = ["issuer", "server", "agent", "fetch"];

class Issuer {
  #options;
  #transport;
  #world;
  #guards = 0;
  #follower;

  constructor(options, world) {
    this.#options = options;
    this.#transport = transportOf(options);
    this.#world = world;
    this.keys = new PublishedKeys(`${options.server}/.well-known/jwks.json`, this.#transport, world);
  }

  /** The issuer that a guard names. Each call is answered by one of `release`. */
  static acquire(options, world) {
    const isSame = (issuer) => SHARED.every((name) => issuer.#options[name] === options[name]);
    const issuer = [...inUse].find(isSame) ?? new Issuer(options, world);
    inUse.add(issuer);
    issuer.#guards += 1;
    return issuer;
  }

  /** Stops everything when the last guard is gone. */
  release() {
    this.#guards -= 1;
    if (this.#guards > 0) return;
    inUse.delete(this);
    this.keys.close();
    this.#follower?.close();
  }

  /** The list of revocations, followed from the first time on that somebody asks. */
  follow() {
    this.#follower ??= new RevocationFollower(this.#options, this.keys, this.#transport, this.#world);
    return this.#follower;
  }
}

module.exports = { Issuer };
