// The server's public keys. Like an API, the page fetches them when a token names an unknown key.
import { readKeys } from "../jose/keys.js";

/** Minimum milliseconds between two fetches, even if many tokens name unknown keys. */
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
