// The server's public keys, fetched when a token names one that is not known yet: what every API does.
import { readKeys } from "../jose/keys.js";

export class PublishedKeys {
  #server;
  #keys = [];

  constructor(server) {
    this.#server = server;
  }

  async with(kid) {
    if (!this.#keys.some((key) => key.kid === kid)) {
      const { text } = await this.#server.call("GET", "/.well-known/jwks.json");
      this.#keys = readKeys(text).keys;
    }
    return this.#keys;
  }
}
