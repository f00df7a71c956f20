// The types of the package, written by hand. index.d.mts hands them to ES modules.
import type { Agent, IncomingMessage, ServerResponse } from "node:http";

/** The verified claims of an access token (RFC 9068 §2.2), frozen. */
export interface AccessToken {
  readonly iss: string;
  /** The user, or the client when it acts for itself. */
  readonly sub: string;
  readonly aud: string | readonly string[];
  /** Seconds since 1970. */
  readonly exp: number;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly jti: string;
  readonly client_id: string;
  /** The session, by which all its tokens are revoked. */
  readonly sid: string;
  /** What was granted, with spaces between; left out when empty. */
  readonly scope?: string;
  /** The user's own claims, such as `id` and `username`. */
  readonly [claim: string]: unknown;
}

export type Algorithm = "ES256" | "RS256" | "PS256" | "EdDSA";

/** What happens while the list of revocations is out of date. */
export type StalePolicy =
  /** Nobody is let in as soon as the list is more than 15 seconds behind. */
  | { readonly policy: "refuse" }
  /** Requests are served until the list is `for` seconds behind, 15 to 3,600; then nobody is let in. */
  | { readonly policy: "serve"; readonly for: number };

/**
 * A request of Node or Fetch, or of a framework that wraps one: Fastify (`raw`), Koa (`req`), Hono (`raw`). A plain object
 * with `headers` is accepted, too.
 */
export interface RequestLike {
  readonly headers?: object;
  readonly raw?: object;
  readonly req?: object;
}

export interface Needs {
  /** Scopes that the token must all have: a list, or a text with spaces between them. */
  readonly scope?: string | readonly string[];
}

export interface GuardOptions extends Needs {
  /** Must equal `iss` to the letter. `https`, or `http` on this machine; no slash at the end. */
  readonly issuer: string;
  /** Must be `aud`, or one of several. */
  readonly audience: string;
  /** Where this process reaches the server, if not at the issuer's address. */
  readonly server?: string;
  /** The one `typ` that is accepted. `JWT` only for servers that were told to issue such. Default: `at+jwt`. */
  readonly tokenType?: "at+jwt" | "JWT";
  /** Algorithms that are accepted. Default: all four. */
  readonly algorithms?: readonly Algorithm[];
  /** Seconds by which clocks may differ, 0 to 60. Default: 5. `nbf` and `iat` may always be 5 seconds ahead. */
  readonly leeway?: number;
  /**
   * For clients of the Express tutorial. `Authorization` may hold the bare token, and every token that is refused gets 403
   * instead of 400 or 401. Tokens that the tutorial's server signed are still refused. Default: `false`.
   */
  readonly tutorial?: boolean;
  /** Default: `{ stale: { policy: "serve", for: 60 } }`. */
  readonly revocations?: { readonly stale?: StalePolicy };
  /** Revoked sessions are let in until their tokens expire. For places that cannot reach the list. */
  readonly dangerouslyIgnoreRevocations?: boolean;
  /** Sends all requests to the server, for a proxy or a client certificate. It must be of the protocol of the address. */
  readonly agent?: Agent;
  /**
   * Sends all requests to the server in place of `node:http`. The stream of revocations then keeps the process alive until
   * `close()`, unless the function prevents it.
   */
  readonly fetch?: (url: string, init: FetchInit) => Promise<FetchResponse>;
  /**
   * Called with a line of text when the issuer cannot be used, once for each reason, and when it can be used again. No line
   * contains a token. Default: `console.warn`.
   */
  readonly log?: (line: string) => void;
  /** Told of each refusal, for the log. The client is never told which check failed. */
  readonly onRefused?: (refusal: Refusal, request: RequestLike | string) => void;
}

/** What `fetch` is given with the address. */
export interface FetchInit {
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  readonly redirect: "manual";
  readonly cache: "no-store";
}

/** What `fetch` resolves with: a `Response`, whichever library made it. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: object;
  readonly body: object | null;
}

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

/** Why a request is not let in. `code`, `message` and `cause` are for the log, the rest is for the client. */
export declare class Refusal extends Error {
  private constructor();
  readonly code: RefusalCode;
  readonly status: 400 | 401 | 403 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  toResponse(): Response;
}

/** For Express, Connect and plain `node:http`. Sets `request.auth`; `claimsOf` has its type. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export interface GuardStatus {
  /** How many keys of the issuer are known, and why they could not be asked for, if so. */
  readonly keys: { readonly known: number; readonly error?: string | undefined };
  /**
   * `behind`: seconds, `null` before the list is known. `error`: why the stream was lost, also while the list is
   * asked for in its place; and why that cannot be had either, if so. `null` when revocations are ignored.
   */
  readonly revocations: {
    readonly entries: number;
    readonly behind: number | null;
    readonly error?: string | undefined;
  } | null;
}

export interface Guard {
  middleware(needs?: Needs): Middleware;
  /** Wraps a handler that speaks Fetch; further arguments are passed on. */
  fetch<Rest extends unknown[]>(
    handler: (request: Request, auth: AccessToken, ...rest: Rest) => Response | Promise<Response>,
    needs?: Needs,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
  /** Rejects with a `Refusal`. */
  verify(requestOrToken: RequestLike | string, needs?: Needs): Promise<AccessToken>;
  /** Settled when keys and revocations are known for the first time; rejects if the guard is closed before. */
  ready(): Promise<void>;
  /** How well the issuer is known, for a health check. */
  status(): GuardStatus;
  /** Lets go of the issuer; what comes later is refused. */
  close(): void;
}

/** A guard before an API. Throws a `TypeError` when an option is wrong. */
export declare function createGuard(options: GuardOptions): Guard;

/** A guard as one middleware. Throws a `TypeError` when an option is wrong. */
export declare function requireToken(options: GuardOptions): Middleware & { readonly guard: Guard };

/**
 * The claims of a request behind a guard's middleware, which are also in `request.auth`; `undefined` for every other request.
 * `request.auth` has a type for programs that import `countersign/express`.
 */
export declare function claimsOf(request: object): AccessToken | undefined;
