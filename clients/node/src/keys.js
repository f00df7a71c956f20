"use strict";
// The issuer's published keys by `kid`. They are fetched at the start, every few minutes, and when a token names an unknown
// key. There is one request at a time, and a cool-down after each, whether it succeeded or failed. While the server is
// unreachable, known keys stay in use.

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

  /** Resolves when keys are known for the first time. */
  ready = new Promise((resolve) => (this.#resolveReady = resolve));

  constructor(url, transport, log, runtime) {
    this.#url = url;
    this.#transport = transport;
    this.#log = log;
    this.#runtime = runtime;
    this.#refresh();
  }

  /** Returns the keys with the header's `kid` and algorithm, usually one (RFC 7517 §4.5). Throws a `Refusal` if there is none. */
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
    // If the last request failed, the issuer may have published the key in the meantime, so the token may be valid.
    throw this.#error ? new Refusal("keys_unavailable", { cause: this.#error }) : new Refusal("unknown_key");
  }

  /** Fetches the keys, or waits for the request that is already pending. Never rejects. */
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
