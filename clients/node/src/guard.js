"use strict";
// Stands before an API: lets a request in with the claims of its access token, or refuses it.

const { verifyAccessToken } = require("./access-token.js");
const { readBearerToken, readBareOrBearerToken } = require("./authorization-header.js");
const { withProcessAlive } = require("./http.js");
const { Issuer } = require("./issuer.js");
const { parseRequirements, parseOptions } = require("./options.js");
const { Refusal } = require("./refusal.js");
const defaultRuntime = require("./runtime.js");

/** The claims of requests that a guard has let in. Another library may use `request.auth` for something else. */
const claimsByRequest = new WeakMap();

class Guard {
  #options;
  #runtime;
  #issuer;
  #follower;
  #isClosed = false;
  #resolveClosed;
  #closed = new Promise((resolve) => (this.#resolveClosed = resolve));

  constructor(options, runtime = defaultRuntime) {
    this.#options = parseOptions(options);
    this.#runtime = runtime;
    this.#issuer = Issuer.acquire(this.#options, runtime);
    if (this.#options.revocations !== null) this.#follower = this.#issuer.follow();
  }

  /**
   * For Express, Connect and plain `node:http`: sets `request.auth` and calls `next`, or answers. `next` is never
   * called with an error, because a callback that ignores its argument would then let everybody in.
   */
  middleware(needs) {
    const scope = parseRequirements(needs);
    return (request, response, next) => {
      this.#authenticate(request, scope).then(
        (claims) => {
          request.auth = claims;
          claimsByRequest.set(request, claims);
          next();
        },
        (error) => sendRefusal(response, this.#refusal(error)),
      );
    };
  }

  /** For Fetch: a handler that is given the claims, as one that takes any request. */
  fetch(handler, needs) {
    const scope = parseRequirements(needs);
    return async (request, ...rest) => {
      let claims;
      try {
        claims = await this.#authenticate(request, scope);
      } catch (error) {
        return this.#refusal(error).toResponse();
      }
      return handler(request, claims, ...rest);
    };
  }

  /** The claims of a request, or of a token without one. Rejects with a `Refusal`. */
  async verify(requestOrToken, needs) {
    return withProcessAlive(this.#authenticate(requestOrToken, parseRequirements(needs)));
  }

  /** Settled when keys and revocations are known for the first time; rejects if the guard is closed before. */
  async ready() {
    const known = Promise.all([this.#issuer.keys.ready, this.#follower?.ready]);
    await withProcessAlive(Promise.race([known, this.#closed]));
    if (this.#isClosed) throw new Refusal("closed");
  }

  /** How well the issuer is known, for a health check. */
  status() {
    return { keys: this.#issuer.keys.status, revocations: this.#follower?.status ?? null };
  }

  /** Lets go of the issuer; what comes later is refused. */
  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#issuer.release(this.#options);
    this.#resolveClosed();
  }

  async #authenticate(requestOrToken, scope) {
    try {
      return await this.#check(requestOrToken, scope);
    } catch (error) {
      const refusal = this.#refusal(error);
      this.#options.onRefused?.(refusal, requestOrToken);
      throw refusal;
    }
  }

  async #check(requestOrToken, scope) {
    if (this.#isClosed) throw new Refusal("closed");
    const readToken = this.#options.tutorial ? readBareOrBearerToken : readBearerToken;
    const token = typeof requestOrToken === "string" ? requestOrToken : readToken(requestOrToken);
    const { keys } = this.#issuer;
    const claims = await verifyAccessToken(token, this.#options, { keys, runtime: this.#runtime });
    await this.#checkRevocations(claims);
    checkScope(claims, [...this.#options.scope, ...scope]);
    return claims;
  }

  async #checkRevocations(claims) {
    const follower = this.#follower;
    if (!follower) return;
    await follower.firstAttempt;
    // What is known to be revoked stays so, however old the knowledge is.
    if (follower.isRevoked(claims)) throw new Refusal("revoked");
    if (follower.behind > this.#options.revocations) {
      follower.reportUnavailable();
      throw new Refusal("revocations_stale", { cause: follower.error });
    }
  }

  #refusal(error) {
    const refusal = error instanceof Refusal ? error : new Refusal("internal", { cause: error });
    refusal.realm = this.#options.audience;
    refusal.isForLegacyClient = this.#options.tutorial;
    return refusal;
  }
}

/** The claims of a request behind a guard's middleware; `undefined` for every other request. */
function claimsOf(request) {
  return claimsByRequest.get(request);
}

/** Every scope that is needed must be granted (RFC 6750 §3.1). */
function checkScope({ scope = "" }, needed) {
  const granted = scope.split(" ");
  if (needed.every((one) => granted.includes(one))) return;
  throw new Refusal("insufficient_scope", { scope: needed.join(" ") });
}

function sendRefusal(response, refusal) {
  // Somebody before us, a timeout perhaps, was faster.
  if (response.headersSent) return;
  response.writeHead(refusal.status, refusal.headers);
  response.end(refusal.body);
}

module.exports = { Guard, claimsOf };
