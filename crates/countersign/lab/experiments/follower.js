// Follows the list of what was revoked, as an API does that wants to know of a sign-out within a moment.
import { decode } from "../jose/jwt.js";

export class Follower {
  /** Settles when the server has told everything so far. */
  ready;
  #entries = [];
  #verifier;
  #issuer;

  constructor(run, verifier) {
    this.#verifier = verifier;
    this.#issuer = run.setup.issuer;
    const source = new EventSource("/revocations/stream");
    run.signal.addEventListener("abort", () => source.close());
    const first = new Promise((resolve) => {
      source.addEventListener("revocations", async ({ data }) => resolve(await this.#take(data)));
    });
    this.ready = run.until(first, 10, "The server did not begin the stream of revocations within ten seconds. Close other tabs of the lab, as a browser opens few connections to one server, and run the experiment again.");
  }

  /** Whether the session of these claims was revoked. */
  covers(claims) {
    return this.#entries.some((entry) => isCovered(entry, claims));
  }

  /** Each piece of the list is signed as tokens are, and believed for no other reason. */
  async #take(data) {
    const piece = decode(data);
    const { outcome } = await this.#verifier.verify(piece);
    if (outcome !== "verified" || piece.header.typ !== "revocations+jwt" || piece.claims.iss !== this.#issuer) return;
    this.#entries.push(...piece.claims.revocations);
  }
}

/** One session; or all up to a moment (ids of sessions grow with time), perhaps of one user or client only. */
function isCovered({ sid, up_to, sub, client_id, except }, claims) {
  if (sid !== undefined) return sid === claims.sid;
  const isTheirs = (sub ?? claims.sub) === claims.sub && (client_id ?? claims.client_id) === claims.client_id;
  return isTheirs && claims.sid <= up_to && claims.sid !== except;
}
