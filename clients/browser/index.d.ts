// The types of the package, written by hand.

export interface SessionOptions {
  /**
   * Where the server is: an address, or a path on this origin, such as `/`. A server on another origin must allow this
   * page's origin (`cors.allowed_origins`). Cookie mode needs a server of this page's site.
   */
  readonly baseUrl: string;
  /** How the refresh token travels: in a cookie that no script can read, or in the body. */
  readonly mode: "cookie" | "body";
  /**
   * Further origins that are given the access token, such as `https://api.example`. Default: none. If the server is on
   * another origin, this page's own origin is a further one.
   */
  readonly allow?: readonly string[];
  /**
   * Body mode only: where the refresh token survives a reload, such as `() => sessionStorage`. Default: nowhere. Pass a
   * function, because a browser that blocks site data throws when a page reads `sessionStorage`. A storage that fails
   * causes one warning on the console; the session then continues in memory.
   */
  readonly storage?: SessionStorageLike | (() => SessionStorageLike);
}

/** A storage whose methods return at once. */
export type SessionStorageLike = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** `unknown`: the page was just loaded, and neither another tab nor the server has answered yet. */
export type SessionState = "unknown" | "signed-out" | "signed-in";

/**
 * Why nobody is signed in. `signed-out`: somebody signed out, here or in another tab. `ended`: the server takes the
 * refresh token no more. `replaced`: another tab signed in as a new session, whose cookie it is now. `closed`: this
 * object was closed. `null`: nobody was signed in.
 */
export type EndReason = "signed-out" | "ended" | "replaced" | "closed" | null;

/** What the access token says of its user. Nothing here was verified: it is for what a page shows. */
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
  /** Set on the way; needed when the password is a temporary one. */
  readonly newPassword?: string;
  /** What more to ask for, with spaces between. */
  readonly scope?: string;
}

export interface Session {
  readonly state: SessionState;
  readonly reason: EndReason;
  readonly user: User | null;
  /** Fulfilled when the state is no longer `unknown`, which takes as long as the server cannot be reached. */
  readonly ready: Promise<void>;
  /** Rejects with a `SessionError`, whose `code` is the server's, such as `invalid_credentials`. */
  signIn(credentials: Credentials): Promise<User | null>;
  /**
   * Signs out all tabs at once, whether or not storage works. Rejects if the server could not be told yet. The session
   * is signed out in the tabs nevertheless, and the request to the server is repeated later.
   */
  signOut(): Promise<void>;
  /** As the browser's, with an access token for the origins that may have it. `credentials` stay as you choose them. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Calls the listener after each change; the returned function stops that. */
  onChange(listener: (change: SessionChange) => void): () => void;
  /** Lets go of everything in this tab. Nobody is signed out by that. */
  close(): void;
}

/**
 * Throws a `TypeError` if an option is wrong. Throws a `SessionError` with the code `unsupported` outside a page (in Node
 * or in a worker), and in cookie mode in a file or in a sandboxed frame without `allow-same-origin`.
 *
 * If the browser lacks or denies storage, Web Locks, `BroadcastChannel` or cookies, the session works in the memory of
 * this tab, and the module calls `console.warn` once.
 */
export declare function createSession(options: SessionOptions): Session;

/**
 * Why something could not be done. `unavailable`: the server cannot be asked now. `signed-out`: the session ended before
 * a request was sent. `closed`: the object was closed. `unsupported`: a session cannot be made in this place. Others are
 * codes of the server.
 */
export declare class SessionError extends Error {
  private constructor();
  readonly code: string;
  /** The answer's status, 0 when there was none. */
  readonly status: number;
  /** Seconds after which to try again, 0 when nobody said. */
  readonly retryAfter: number;
}
