// The types of the package, written by hand. index.d.mts exports the same types for ES modules.
import type { Agent, IncomingMessage, ServerResponse } from "node:http";

/** The verified claims of an access token (RFC 9068 §2.2), frozen. */
export interface AccessToken {
  readonly iss: string;
  /** The user, or the client if it acts on its own behalf. */
  readonly sub: string;
  readonly aud: string | readonly string[];
  /** Seconds since 1970. */
  readonly exp: number;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly jti: string;
  readonly client_id: string;
  /** The session. Revoking it revokes all its tokens. */
  readonly sid: string;
  /** The granted scopes, separated by spaces. Absent if there are none. */
  readonly scope?: string;
  /** The user's own claims, such as `id` and `username`. */
  readonly [claim: string]: unknown;
}

export type Algorithm = "ES256" | "RS256" | "PS256" | "EdDSA";

/** What the guard does while the revocation list is out of date. */
export type StalePolicy =
  /** Responds with 503 as soon as the list is more than 15 seconds old. */
  | { readonly policy: "refuse" }
  /** Uses the list until it is `for` seconds old, 15 to 3,600, and then responds with 503. */
  | { readonly policy: "serve"; readonly for: number };

/**
 * A Node request, a Fetch request, or a framework's wrapper of either: Fastify (`raw`), Koa (`req`), Hono (`raw`). A plain object
 * with `headers` is also accepted.
 */
export interface RequestLike {
  readonly headers?: object;
  readonly raw?: object;
  readonly req?: object;
}

/** What one route requires in addition to the options of the guard. */
export interface Requirements {
  /** Scopes that the token must have, all of them: a list, or a string separated by spaces. Default: none. */
  readonly scope?: string | readonly string[];
}

export interface GuardOptions extends Requirements {
  /** Must equal `iss` exactly: an `https` URL, or an `http` URL on this machine, without a slash at the end. */
  readonly issuer: string;
  /** Must equal `aud`, or be one of several values in it. */
  readonly audience: string;
  /** The URL at which this process reaches the server. Default: the issuer. */
  readonly server?: string;
  /** The only accepted `typ`. `JWT` is for servers that are configured to issue it. Default: `at+jwt`. */
  readonly tokenType?: "at+jwt" | "JWT";
  /** The accepted algorithms. Default: all four. */
  readonly algorithms?: readonly Algorithm[];
  /** Seconds by which clocks may differ, 0 to 60. Default: 5. `nbf` and `iat` may always be 5 seconds ahead. */
  readonly leeway?: number;
  /**
   * Accepts the requests of legacy clients, which were written for the server of the Express tutorial: `Authorization` may hold
   * the token without `Bearer`, and every rejected token gets 403 instead of 400 or 401. Legacy tokens, which the tutorial's
   * server signed, are still rejected. Default: `false`.
   */
  readonly legacyClients?: boolean;
  /** What the guard does while the list is out of date. Default: `{ stale: { policy: "serve", for: 60 } }`. */
  readonly revocations?: { readonly stale?: StalePolicy };
  /** Accepts tokens of revoked sessions until they expire. For networks that cannot reach the list. Default: `false`. */
  readonly dangerouslyIgnoreRevocations?: boolean;
  /** Sends all requests to the server, through a proxy or with a client certificate. Its protocol must be that of `server`. */
  readonly agent?: Agent;
  /**
   * Sends all requests to the server instead of `node:http`. The stream of revocations then keeps the process alive until
   * `close()`, unless the function prevents it.
   */
  readonly fetch?: (url: string, init: FetchInit) => Promise<FetchResponse>;
  /**
   * Called with a line of text when the issuer cannot be used, once for each reason, and when it can be used again. The lines
   * contain no tokens. Default: `console.warn`.
   */
  readonly log?: (line: string) => void;
  /** Called with each refusal, for the log. The response does not reveal which check failed. */
  readonly onRefused?: (refusal: Refusal, request: RequestLike | string) => void;
}

/** The second argument of `fetch`. */
export interface FetchInit {
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  readonly redirect: "manual";
  readonly cache: "no-store";
}

/** What `fetch` must resolve with: the `Response` of any library. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: object;
  readonly body: object | null;
}

/** Which check failed. The README describes the responses. */
export type RefusalCode =
  | "no_token"
  | "malformed_authorization"
  | "repeated_authorization"
  | "too_long"
  | "malformed"
  | "wrong_type"
  | "wrong_algorithm"
  | "unknown_key"
  | "bad_signature"
  | "wrong_issuer"
  | "wrong_audience"
  | "expired"
  | "not_yet_valid"
  | "bad_claim"
  | "revoked"
  | "insufficient_scope"
  | "keys_unavailable"
  | "revocations_stale"
  | "closed"
  | "internal";

/** Why a request is rejected. `code`, `message` and `cause` are for the log; `status`, `headers` and `body` are for the client. */
export declare class Refusal extends Error {
  private constructor();
  readonly code: RefusalCode;
  readonly status: 400 | 401 | 403 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** A Fetch `Response` with the same status, headers and body. */
  toResponse(): Response;
}

/** For Express, Connect and plain `node:http`. Sets `request.auth`; `claimsOf` returns the same claims with their type. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export interface GuardStatus {
  /** `known`: the number of known keys. `error`: why the last request for keys failed; absent if it succeeded. */
  readonly keys: { readonly known: number; readonly error?: string | undefined };
  /**
   * `entries`: the number of stored entries. `behind`: the age of the list in seconds, `null` before the list is complete for the
   * first time. `error`: why the stream failed, also while polling succeeds, and why polling fails, if it does. The whole member
   * is `null` if the guard ignores revocations.
   */
  readonly revocations: {
    readonly entries: number;
    readonly behind: number | null;
    readonly error?: string | undefined;
  } | null;
}

export interface Guard {
  /** Sends the response if it rejects a request. It never calls `next` with an argument. */
  middleware(requirements?: Requirements): Middleware;
  /** Wraps a Fetch handler. Further arguments are passed on. */
  fetch<Rest extends unknown[]>(
    handler: (request: Request, auth: AccessToken, ...rest: Rest) => Response | Promise<Response>,
    requirements?: Requirements,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
  /** Returns the claims of a request or of a bare token. Rejects with a `Refusal`. */
  verify(requestOrToken: RequestLike | string, requirements?: Requirements): Promise<AccessToken>;
  /** Resolves when the guard first has the keys and the revocation list. Rejects if the guard is closed before. */
  ready(): Promise<void>;
  /** The state of the keys and of the revocation list, for a health check. */
  status(): GuardStatus;
  /** Ends the requests to the server, unless another guard needs them. Later tokens are rejected with 503. */
  close(): void;
}

/** Creates a guard. Throws a `TypeError` if an option is wrong. */
export declare function createGuard(options: GuardOptions): Guard;

/** Creates a guard and returns its middleware. Throws a `TypeError` if an option is wrong. */
export declare function requireToken(options: GuardOptions): Middleware & { readonly guard: Guard };

/**
 * Returns the claims of a request that a guard's middleware accepted, and `undefined` for any other request. The same claims are
 * in `request.auth`, whose type is declared if you import `countersign/express`.
 */
export declare function claimsOf(request: object): AccessToken | undefined;
