// What each API does with an access token: it verifies on its own, with the keys that the issuer publishes.
import { decode } from "../jose/jwt.js";
import { readKeys } from "../jose/keys.js";
import { verify } from "../jose/verify.js";

export class Verifier {
  /** How often the key set was asked for. */
  fetches = 0;
  #run;
  #keys = [];

  constructor(run) {
    this.#run = run;
  }

  /** `{ outcome, why }` of the signature alone. A key that is not known is looked for once. */
  async verify(decoded) {
    if (!this.#keys.some(({ kid }) => kid === decoded.header.kid)) await this.fetchKeys();
    return verify(decoded, this.#keys);
  }

  /** The claims of a good access token, or null. */
  async accept(token) {
    const decoded = decode(token);
    const { outcome } = await this.verify(decoded);
    const { issuer } = this.#run.setup;
    const { header, claims } = decoded;
    const isOurs = header.typ === "at+jwt" && claims.iss === issuer && claims.aud === issuer;
    return outcome === "verified" && isOurs && claims.exp > Date.now() / 1_000 ? claims : null;
  }

  async fetchKeys() {
    this.fetches += 1;
    const { text } = await this.#run.call("API", "GET", "/.well-known/jwks.json");
    this.#keys = readKeys(text).keys;
  }
}
