"use strict";
// Why a request is not let in: a reason for the log, and an answer that does not tell it (RFC 6750 §3).

const { retryAfter } = require("./limits.js");

const RESPONSES = {
  none: { status: 401, message: "No access token provided" },
  request: { status: 400, error: "invalid_request", message: "Malformed Authorization header" },
  token: { status: 401, error: "invalid_token", message: "Failed to authenticate access token" },
  scope: { status: 403, error: "insufficient_scope", message: "Insufficient scope" },
  later: { status: 503, message: "Access tokens cannot be verified at the moment" },
};

/** The Express tutorial's server has one answer to every token that it refuses. */
const LEGACY_CLIENT_RESPONSE = { ...RESPONSES.token, status: 403 };

/** Reasons by their code: which answer they get, and what they say in a log. */
const REASONS = {
  no_token: ["none", "no bearer token was sent"],
  malformed_authorization: ["request", "no well-formed token follows the scheme Bearer"],
  repeated_authorization: ["request", "there is more than one Authorization header"],
  too_long: ["token", "the token is longer than any that is issued"],
  malformed: ["token", "the token is not a signed JWT"],
  wrong_type: ["token", "the token is of another type"],
  wrong_algorithm: ["token", "the algorithm is not the key's, or not an allowed one"],
  unknown_key: ["token", "the token names no key that the issuer publishes"],
  bad_signature: ["token", "the signature does not fit"],
  wrong_issuer: ["token", "the token is from another issuer"],
  wrong_audience: ["token", "the token is for another audience"],
  expired: ["token", "the token has expired"],
  not_yet_valid: ["token", "the token is not valid yet"],
  bad_claim: ["token", "a claim is missing or of the wrong type"],
  revoked: ["token", "the session was revoked"],
  insufficient_scope: ["scope", "the token lacks a scope"],
  keys_unavailable: ["later", "the issuer's keys are not known, or not all of them"],
  revocations_stale: ["later", "the list of revocations is not recent enough"],
  closed: ["later", "the guard was closed"],
  internal: ["later", "the check itself failed"],
};

/** `code` says what happened and is for the log; `status`, `headers` and `body` are for the client. */
class Refusal extends Error {
  #kind;
  #scope;

  /** Whether the client is answered as by the Express tutorial's server. The guard says so. */
  isForLegacyClient = false;

  /** The protection space that a challenge names (RFC 9110 §11.5). The guard puts its audience here. */
  realm;

  constructor(code, { cause, scope } = {}) {
    const [answer, message] = REASONS[code];
    super(message, cause && { cause });
    this.name = "Refusal";
    this.code = code;
    this.#kind = answer;
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

  /** For handlers that speak Fetch. */
  toResponse() {
    return new Response(this.body, { status: this.status, headers: this.headers });
  }

  get #response() {
    const isOther = this.isForLegacyClient && (this.#kind === "request" || this.#kind === "token");
    return isOther ? LEGACY_CLIENT_RESPONSE : RESPONSES[this.#kind];
  }

  #challenge() {
    const parameters = { realm: this.realm, error: this.#response.error, scope: this.#scope };
    const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
    return `Bearer ${given.map(([name, value]) => `${name}="${value}"`).join(", ")}`.trimEnd();
  }
}

module.exports = { Refusal };
