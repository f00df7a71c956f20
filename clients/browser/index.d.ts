// The package's types, written by hand.

export interface SessionOptions {
  /**
   * The server's address, or a path on this origin, such as `/`. A server on another origin must allow this page's
   * origin in `cors.allowed_origins`. Cookie mode requires a server on the same site as this page.
   */
  readonly baseUrl: string;
  /** How the refresh token travels: in a cookie that scripts cannot read, or in the request and response bodies. */
  readonly mode: "cookie" | "body";
  /**
   * Additional origins that receive the access token, such as `https://api.example`. Default: none. If the server is on
   * another origin, list this page's own origin here to include it.
   */
  readonly allow?: readonly string[];
  /**
   * Body mode only: where to keep the refresh token across reloads, such as `() => sessionStorage`. Default: memory only.
   * Pass a function, because a browser that blocks site data throws when a page reads `sessionStorage`. If the storage
   * fails, the module warns once on the console and the session continues in memory.
   */
  readonly storage?: SessionStorageLike | (() => SessionStorageLike);
}

/** A storage with synchronous methods. */
export type SessionStorageLike = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** `unknown`: the page has just loaded, and neither another tab nor the server has responded yet. */
export type SessionState = "unknown" | "signed-out" | "signed-in";

/**
 * Why the page is signed out. `signed-out`: the user signed out, in this tab or in another. `ended`: the server rejected
 * the refresh token. `replaced`: another tab signed in, and the cookie now belongs to that session. `closed`: `close()`
 * was called. `null`: the page was not signed in before.
 */
export type EndReason = "signed-out" | "ended" | "replaced" | "closed" | null;

/** The claims of the access token. They are not verified, so use them for display only. */
export interface User {
  readonly sub: string;
  readonly sid: string;
  readonly scope?: string;
  readonly [claim: string]: unknown;
}

export interface SessionChange {
  readonly state: "signed-out" | "signed-in";
  readonly reason: EndReason;
  readonly user: User | null;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Replaces the password during the sign-in. Required if the current password is temporary. */
  readonly newPassword?: string;
  /** Additional scopes to request, separated by spaces. */
  readonly scope?: string;
}

export interface Session {
  readonly state: SessionState;
  readonly reason: EndReason;
  readonly user: User | null;
  /** Fulfilled when the state is known. While the server cannot be reached, it stays pending. It never rejects. */
  readonly ready: Promise<void>;
  /** Rejects with a `SessionError`. Its `code` comes from the server, such as `invalid_credentials`. */
  signIn(credentials: Credentials): Promise<User | null>;
  /**
   * Signs out all tabs at once, even if storage fails. Rejects if the server did not receive the sign-out; the tabs are
   * signed out anyway, and the module repeats the request later.
   */
  signOut(): Promise<void>;
  /** Like the browser's `fetch`, but adds an access token for the allowed origins. It does not change `credentials`. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Calls the listener after each change. The returned function removes the listener. */
  onChange(listener: (change: SessionChange) => void): () => void;
  /** Stops this session object. Does not sign out. */
  close(): void;
}

/**
 * Throws a `TypeError` if an option is invalid. Throws a `SessionError` with the code `unsupported` outside a page (in
 * Node or in a worker), and for cookie mode in a file or in a sandboxed frame without `allow-same-origin`.
 *
 * If the browser lacks or denies storage, Web Locks, `BroadcastChannel` or cookies, the session works in the memory of
 * this tab, and the module calls `console.warn` once.
 */
export declare function createSession(options: SessionOptions): Session;

/**
 * `unavailable`: the server cannot be reached or asks to wait. `signed-out`: the session ended before the request was
 * sent. `closed`: `close()` was called. `unsupported`: this environment cannot have a session. All other codes come from
 * the server.
 */
export declare class SessionError extends Error {
  private constructor();
  readonly code: string;
  /** The HTTP status of the response, or 0 if there was none. */
  readonly status: number;
  /** Seconds to wait before the next attempt, or 0 if unknown. */
  readonly retryAfter: number;
}
