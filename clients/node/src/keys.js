"use strict";
// The keys that the issuer publishes, by `kid`. They are asked for at the start, every few minutes, and when a
// token names one that is not known; by one request at a time, and after a cool-down that holds whatever the
// answer was. When the server is away, the keys that are known stay in use.

const { getJson } = require("./http.js");
const { parseKeySet } = require("./key-set.js");
const { retryDelay } = require("./retry-delay.js");
const { Refusal } = require("./refusal.js");

class PublishedKeys {
  #url;
  #transport;
  #log;
  #runtime;
  #known = new Map();
  #isKnown = false;
  #error;
  #failures = 0;
  #requestedAt;
  #pending;
  #timer;
  #isClosed = false;
  #resolveReady;

  /** Settled when keys are known for the first time. */
  ready = new Promise((resolve) => (this.#resolveReady = resolve));

  constructor(url, transport, log, runtime) {
    this.#url = url;
    this.#transport = transport;
    this.#log = log;
    this.#runtime = runtime;
    this.#refresh();
  }

  /** The keys that a header can mean: those with its `kid` and its algorithm, mostly one (RFC 7517 §4.5). */
  async find({ kid, alg }) {
    const named = this.#known.get(kid) ?? (await this.#findAfterRefresh(kid));
    const keys = named.filter((key) => key.alg === alg);
    if (keys.length === 0) throw new Refusal("wrong_algorithm");
    return keys;
  }

  get status() {
    return { known: [...this.#known.values()].flat().length, error: this.#error?.message };
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #findAfterRefresh(kid) {
    const isCoolingDown = performance.now() - this.#requestedAt < this.#runtime.limits.keySetCoolDown;
    if (this.#pending || !isCoolingDown) await this.#refresh();
    const named = this.#known.get(kid);
    if (named) return named;
    // With the server away, a key that nobody here knows may still be a good one.
    throw this.#error ? new Refusal("keys_unavailable", { cause: this.#error }) : new Refusal("unknown_key");
  }

  /** Single flight: who comes while a request is under way waits for that one. Never rejects. */
  #refresh() {
    this.#pending ??= this.#fetch().finally(() => (this.#pending = undefined));
    return this.#pending;
  }

  async #fetch() {
    const { limits } = this.#runtime;
    clearTimeout(this.#timer);
    this.#requestedAt = performance.now();
    try {
      const { keySetSize: size, keySetTimeout: timeout, jsonDepth: depth } = limits;
      const set = await getJson(this.#transport, this.#url, { size, timeout, depth });
      this.#known = parseKeySet(set, limits);
      this.#isKnown = true;
      this.#error = undefined;
      this.#failures = 0;
      this.#log.clear("keys");
      this.#resolveReady();
    } catch (error) {
      this.#error = error;
      this.#failures += 1;
      this.#log.report("keys", error.message, !this.#isKnown);
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#refresh(), this.#delay()).unref();
  }

  #delay() {
    if (this.#failures === 0) return this.#runtime.limits.keySetInterval;
    return this.#isKnown ? this.#runtime.limits.keySetCoolDown : retryDelay(this.#failures - 1, this.#runtime);
  }
}

module.exports = { PublishedKeys };
