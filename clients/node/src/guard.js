"use strict";
// Guards an API: verifies the access token of each request and passes on its claims, or rejects the request.

const { verifyAccessToken } = require("./access-token.js");
const { readBareOrBearerToken, readBearerToken } = require("./authorization-header.js");
const { withProcessAlive } = require("./http.js");
const { Issuer } = require("./issuer.js");
const { parseOptions, parseRequirements } = require("./options.js");
const { Refusal } = require("./refusal.js");
const defaultRuntime = require("./runtime.js");

/** The claims of accepted requests. Another library may use `request.auth` for its own data. */
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
   * Returns middleware for Express, Connect and plain `node:http`. It sets `request.auth` and calls `next`, or it sends the
   * response. It never calls `next` with an error: a callback that ignores its argument would accept every request.
   */
  middleware(requirements) {
    const scope = parseRequirements(requirements);
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

  /** Wraps a Fetch handler `(request, claims, ...rest)` as a handler `(request, ...rest)`. */
  fetch(handler, requirements) {
    const scope = parseRequirements(requirements);
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

  /** Returns the claims of a request or of a bare token. Rejects with a `Refusal`. */
  async verify(requestOrToken, requirements) {
    return withProcessAlive(this.#authenticate(requestOrToken, parseRequirements(requirements)));
  }

  /** Resolves when the guard first has the keys and the revocation list. Rejects if the guard is closed before. */
  async ready() {
    const known = Promise.all([this.#issuer.keys.ready, this.#follower?.ready]);
    await withProcessAlive(Promise.race([known, this.#closed]));
    if (this.#isClosed) throw new Refusal("closed");
  }

  /** The state of the keys and of the revocation list, for a health check. */
  status() {
    return { keys: this.#issuer.keys.status, revocations: this.#follower?.status ?? null };
  }

  /** Ends the requests to the server, unless another guard needs them. Later tokens are rejected with 503. */
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
    const readToken = this.#options.legacyClients ? readBareOrBearerToken : readBearerToken;
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
    // A revoked session stays revoked, so this check also applies to a list that is out of date.
    if (follower.isRevoked(claims)) throw new Refusal("revoked");
    if (follower.behind > this.#options.revocations) {
      follower.reportUnavailable();
      throw new Refusal("revocations_stale", { cause: follower.error });
    }
  }

  #refusal(error) {
    const refusal = error instanceof Refusal ? error : new Refusal("internal", { cause: error });
    refusal.realm = this.#options.audience;
    refusal.isForLegacyClient = this.#options.legacyClients;
    return refusal;
  }
}

/** Returns the claims of a request that a guard's middleware accepted, and `undefined` for any other request. */
function claimsOf(request) {
  return claimsByRequest.get(request);
}

/** The token must have all required scopes (RFC 6750 §3.1). */
function checkScope({ scope = "" }, required) {
  const granted = scope.split(" ");
  if (required.every((one) => granted.includes(one))) return;
  throw new Refusal("insufficient_scope", { scope: required.join(" ") });
}

function sendRefusal(response, refusal) {
  // The program has already responded, for example because of a timeout.
  if (response.headersSent) return;
  response.writeHead(refusal.status, refusal.headers);
  response.end(refusal.body);
}

module.exports = { Guard, claimsOf };
