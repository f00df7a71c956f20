"use strict";
// The keys that the issuer publishes, by `kid`. They are asked for at the start, every few minutes, and when a
// token names one that is not known; by one request at a time, and after a cool-down that holds whatever the
// answer was. When the server is away, the keys that are known stay in use.

const { getJson } = require("./http.js");
const { parseKeySet } = require("./key-set.js");
const { pauseAfter } = require("./pause.js");
const { Refusal } = require("./refusal.js");

class PublishedKeys {
  #url;
  #transport;
  #log;
  #world;
  #known = new Map();
  #isKnown = false;
  #trouble;
  #failures = 0;
  #askedAt;
  #asking;
  #timer;
  #isClosed = false;
  #resolveReady;

  /** Settled when keys are known for the first time. */
  ready = new Promise((resolve) => (this.#resolveReady = resolve));

  constructor(url, transport, log, world) {
    this.#url = url;
    this.#transport = transport;
    this.#log = log;
    this.#world = world;
    this.#ask();
  }

  /** The keys that a header can mean: those with its `kid` and its algorithm, mostly one (RFC 7517 §4.5). */
  async find({ kid, alg }) {
    const named = this.#known.get(kid) ?? (await this.#learn(kid));
    const keys = named.filter((key) => key.alg === alg);
    if (keys.length === 0) throw new Refusal("wrong_algorithm");
    return keys;
  }

  get status() {
    return { known: [...this.#known.values()].flat().length, trouble: this.#trouble?.message };
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #learn(kid) {
    const isCoolingDown = performance.now() - this.#askedAt < this.#world.limits.keySetCoolDown;
    if (this.#asking || !isCoolingDown) await this.#ask();
    const named = this.#known.get(kid);
    if (named) return named;
    // With the server away, a key that nobody here knows may still be a good one.
    throw this.#trouble ? new Refusal("keys_unavailable", { cause: this.#trouble }) : new Refusal("unknown_key");
  }

  /** Single flight: who comes while a request is under way waits for that one. Never rejects. */
  #ask() {
    this.#asking ??= this.#fetch().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #fetch() {
    const { limits } = this.#world;
    clearTimeout(this.#timer);
    this.#askedAt = performance.now();
    try {
      const { keySetSize: size, keySetTimeout: timeout, jsonDepth: depth } = limits;
      const set = await getJson(this.#transport, this.#url, { size, timeout, depth });
      this.#known = parseKeySet(set, limits);
      this.#isKnown = true;
      this.#trouble = undefined;
      this.#failures = 0;
      this.#log.clear("keys");
      this.#resolveReady();
    } catch (error) {
      this.#trouble = error;
      this.#failures += 1;
      this.#log.report("keys", error.message, !this.#isKnown);
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#ask(), this.#pause()).unref();
  }

  #pause() {
    if (this.#failures === 0) return this.#world.limits.keySetInterval;
    return this.#isKnown ? this.#world.limits.keySetCoolDown : pauseAfter(this.#failures - 1, this.#world);
  }
}

module.exports = { PublishedKeys };
