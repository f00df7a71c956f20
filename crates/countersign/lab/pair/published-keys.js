// The server's public keys, fetched when a token names one that is not known yet: what every API does.
import { readKeys } from "../jose/keys.js";

/** Milliseconds. However many unknown names come, the server is not asked more often. */
const AGAIN_AFTER = 5_000;

export class PublishedKeys {
  #server;
  #keys = [];
  #asking = null;
  #askedAt = -Infinity;

  constructor(server) {
    this.#server = server;
  }

  async with(kid) {
    const isKnown = this.#keys.some((key) => key.kid === kid);
    if (!isKnown && performance.now() - this.#askedAt > AGAIN_AFTER) {
      this.#askedAt = performance.now();
      this.#asking = this.#fetch();
    }
    await this.#asking;
    return this.#keys;
  }

  async #fetch() {
    const { text } = await this.#server.call("GET", "/.well-known/jwks.json");
    this.#keys = readKeys(text).keys;
  }
}
