// The types of the package, written by hand.

export interface SessionOptions {
  /** Where the server is: an address, or a path on this origin, such as `/`. Cookie mode needs this page's origin. */
  readonly baseUrl: string;
  /** How the refresh token travels: in a cookie that no script can read, or in the body. */
  readonly mode: "cookie" | "body";
  /** Further origins that are given the access token, such as `https://api.example`. Default: none. */
  readonly allow?: readonly string[];
  /** Body mode only: where the refresh token survives a reload, such as `sessionStorage`. Default: nowhere. */
  readonly storage?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
}

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
  /** Signs out all tabs at once. Rejects when the server could not be told yet; that is then done later. */
  signOut(): Promise<void>;
  /** As the browser's, with an access token for the origins that may have it. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Calls the listener after each change; the returned function stops that. */
  onChange(listener: (change: SessionChange) => void): () => void;
  /** Lets go of everything in this tab. Nobody is signed out by that. */
  close(): void;
}

/** A wrong option is a `TypeError`. */
export declare function createSession(options: SessionOptions): Session;

/**
 * Why something could not be done. `unavailable`: the server cannot be asked now. `signed-out`: the session ended before
 * a request was sent. `closed`: the object was closed. Others are codes of the server.
 */
export declare class SessionError extends Error {
  private constructor();
  readonly code: string;
  /** The answer's status, 0 when there was none. */
  readonly status: number;
  /** Seconds after which to try again, 0 when nobody said. */
  readonly retryAfter: number;
}
