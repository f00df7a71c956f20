"use strict";
// Why a request is rejected: a reason for the log, and a response that does not reveal which check failed (RFC 6750 §3).

const { retryAfter } = require("./limits.js");

const RESPONSES = {
  noToken: { status: 401, message: "No access token provided" },
  invalidRequest: { status: 400, error: "invalid_request", message: "Malformed Authorization header" },
  invalidToken: { status: 401, error: "invalid_token", message: "Failed to authenticate access token" },
  insufficientScope: { status: 403, error: "insufficient_scope", message: "Insufficient scope" },
  unavailable: { status: 503, message: "Access tokens cannot be verified at the moment" },
};

/** The Express tutorial's server sends the same response for every token that it rejects. */
const LEGACY_CLIENT_RESPONSE = { ...RESPONSES.invalidToken, status: 403 };

/** Reasons by code: the name of the response, and the message for the log. */
const REASONS = {
  no_token: ["noToken", "the request has no bearer token"],
  malformed_authorization: ["invalidRequest", "no well-formed token follows the scheme Bearer"],
  repeated_authorization: ["invalidRequest", "the request has more than one Authorization header"],
  too_long: ["invalidToken", "the token is longer than 16 KiB"],
  malformed: ["invalidToken", "the token is not a valid signed JWT"],
  wrong_type: ["invalidToken", "the token has the wrong type"],
  wrong_algorithm: ["invalidToken", "the algorithm is not allowed, or it is not the algorithm of the key"],
  unknown_key: ["invalidToken", "the issuer publishes no key with the token's kid"],
  bad_signature: ["invalidToken", "the signature is invalid"],
  wrong_issuer: ["invalidToken", "the token is from another issuer"],
  wrong_audience: ["invalidToken", "the token is for another audience"],
  expired: ["invalidToken", "the token has expired"],
  not_yet_valid: ["invalidToken", "the token is not valid yet"],
  bad_claim: ["invalidToken", "a claim is missing or malformed"],
  revoked: ["invalidToken", "the session was revoked"],
  insufficient_scope: ["insufficientScope", "the token lacks a required scope"],
  keys_unavailable: ["unavailable", "the issuer's keys cannot be fetched"],
  revocations_stale: ["unavailable", "the revocation list is out of date"],
  closed: ["unavailable", "the guard was closed"],
  internal: ["unavailable", "the guard failed with an unexpected error"],
};

/** `code`, `message` and `cause` are for the log; `status`, `headers` and `body` are for the client. */
class Refusal extends Error {
  /** A name in `RESPONSES`. */
  #kind;
  #scope;

  /** Whether the client gets the response of the Express tutorial's server. The guard sets this. */
  isForLegacyClient = false;

  /** The protection space in the challenge (RFC 9110 §11.5). The guard sets it to its audience. */
  realm;

  constructor(code, { cause, scope } = {}) {
    const [kind, message] = REASONS[code];
    super(message, cause && { cause });
    this.name = "Refusal";
    this.code = code;
    this.#kind = kind;
    this.#scope = scope;
  }

  get status() {
    return this.#response.status;
  }

  get headers() {
    const headers = { "content-type": "application/json", "content-length": String(this.body.length) };
    if (this.status === 503) headers["retry-after"] = String(retryAfter);
    else headers["www-authenticate"] = this.#challenge();
    return headers;
  }

  get body() {
    return JSON.stringify({ message: this.#response.message });
  }

  /** A Fetch `Response` with the same status, headers and body. */
  toResponse() {
    return new Response(this.body, { status: this.status, headers: this.headers });
  }

  get #response() {
    const isRejection = this.#kind === "invalidRequest" || this.#kind === "invalidToken";
    return this.isForLegacyClient && isRejection ? LEGACY_CLIENT_RESPONSE : RESPONSES[this.#kind];
  }

  #challenge() {
    const parameters = { realm: this.realm, error: this.#response.error, scope: this.#scope };
    const present = Object.entries(parameters).filter(([, value]) => value !== undefined);
    return `Bearer ${present.map(([name, value]) => `${name}="${value}"`).join(", ")}`.trimEnd();
  }
}

module.exports = { Refusal };
