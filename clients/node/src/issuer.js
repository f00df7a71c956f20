"use strict";
// One issuer as a process sees it: its keys and its list of revocations, shared by all guards that name it.

const { RevocationFollower } = require("./follower.js");
const { PublishedKeys } = require("./keys.js");

/** Issuers in use, by name and address. */
const inUse = new Map();

class Issuer {
  #options;
  #world;
  #name;
  #guards = 0;
  #follower;

  constructor(options, world, name) {
    this.#options = options;
    this.#world = world;
    this.#name = name;
    this.keys = new PublishedKeys(`${options.server}/.well-known/jwks.json`, world);
  }

  /** The issuer that a guard names. Each call is answered by one of `release`. */
  static acquire(options, world) {
    const name = `${options.issuer} ${options.server}`;
    const issuer = inUse.get(name) ?? new Issuer(options, world, name);
    inUse.set(name, issuer);
    issuer.#guards += 1;
    return issuer;
  }

  /** Stops everything when the last guard is gone. */
  release() {
    this.#guards -= 1;
    if (this.#guards > 0) return;
    inUse.delete(this.#name);
    this.keys.close();
    this.#follower?.close();
  }

  /** The list of revocations, followed from the first time on that somebody asks. */
  follow() {
    this.#follower ??= new RevocationFollower(this.#options, this.keys, this.#world);
    return this.#follower;
  }
}

module.exports = { Issuer };
