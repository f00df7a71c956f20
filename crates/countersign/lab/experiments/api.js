// How an API verifies an access token: locally, with the keys that the issuer publishes.
import { decode } from "../jose/jwt.js";
import { readKeys } from "../jose/keys.js";
import { verify } from "../jose/verify.js";

export class Verifier {
  /** How often the key set was fetched. */
  fetches = 0;
  #run;
  #keys = [];

  constructor(run) {
    this.#run = run;
  }

  /** Verifies only the signature: `{ outcome, why }`. For an unknown `kid`, fetches the key set once. */
  async verify(decoded) {
    if (!this.#keys.some(({ kid }) => kid === decoded.header.kid)) await this.#fetchKeys();
    return verify(decoded, this.#keys);
  }

  /** The claims of a token that has this type, a valid signature and our issuer, and that has not expired; otherwise null. */
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

/** Also follows the signed revocation list, and so rejects tokens of a revoked session after about a second. */
export class Follower extends Verifier {
  /** Resolves when the first page of the revocation list has arrived. */
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

  async #take(page) {
    this.#revocations.push(...((await super.accept(page, "revocations+jwt"))?.revocations ?? []));
  }
}

/**
 * An entry revokes one session (`sid`), or all sessions with IDs up to `up_to` (session IDs grow with time), optionally only
 * those of one user or client.
 */
function covers({ sid, up_to, sub, client_id, except }, claims) {
  if (sid) return sid === claims.sid;
  const isTheirs = (sub ?? claims.sub) === claims.sub && (client_id ?? claims.client_id) === claims.client_id;
  return isTheirs && claims.sid <= up_to && claims.sid !== except;
}
