// What an API does with an access token: it verifies on its own, with the keys that the issuer publishes.
import { decode } from "../jose/jwt.js";
import { readKeys } from "../jose/keys.js";
import { verify } from "../jose/verify.js";

export class Verifier {
  /** How often the keys were asked for. */
  fetches = 0;
  #run;
  #keys = [];

  constructor(run) {
    this.#run = run;
  }

  /** Only the signature: `{ outcome, why }`. A key that is not known is looked for once. */
  async verify(decoded) {
    if (!this.#keys.some(({ kid }) => kid === decoded.header.kid)) await this.#fetchKeys();
    return verify(decoded, this.#keys);
  }

  /** The claims of a token of that type which is genuine, of our issuer and not expired; or null. */
  async accept(token, type = "at+jwt") {
    const decoded = decode(token);
    const { outcome } = await this.verify(decoded);
    const { header, claims } = decoded;
    const { issuer } = this.#run.setup;
    const isOurs = header.typ === type && claims.iss === issuer && claims.aud === issuer;
    return outcome === "verified" && isOurs && claims.exp > Date.now() / 1_000 ? claims : null;
  }

  async #fetchKeys() {
    this.fetches += 1;
    const { text } = await this.#run.call("API", "GET", "/.well-known/jwks.json");
    this.#keys = readKeys(text).keys;
  }
}

/** Also follows the signed list of what was revoked, and so knows of a sign-out within a moment. */
export class Follower extends Verifier {
  /** Settles when the server has told everything so far. */
  ready;
  #revocations = [];

  constructor(run) {
    super(run);
    const stream = new EventSource("/revocations/stream");
    run.signal.addEventListener("abort", () => stream.close());
    this.ready = new Promise((resolve) => {
      stream.addEventListener("revocations", async ({ data }) => resolve(await this.#take(data)));
    });
  }

  async accept(token, type) {
    const claims = await super.accept(token, type);
    return claims && this.#revocations.some((entry) => covers(entry, claims)) ? null : claims;
  }

  async #take(piece) {
    this.#revocations.push(...((await super.accept(piece, "revocations+jwt"))?.revocations ?? []));
  }
}

/** An entry is of one session; or of all up to one (their ids grow with time), perhaps of one user or client only. */
function covers({ sid, up_to, sub, client_id, except }, claims) {
  if (sid) return sid === claims.sid;
  const isTheirs = (sub ?? claims.sub) === claims.sub && (client_id ?? claims.client_id) === claims.client_id;
  return isTheirs && claims.sid <= up_to && claims.sid !== except;
}
