"use strict";
// All limits and intervals. Times are in milliseconds unless the comment says seconds. None of them is an option, because a
// higher limit would weaken a protection.

module.exports = Object.freeze({
  /** Characters of an access token. Node accepts at most 16 KiB of headers. */
  tokenLength: 16 * 1024,
  /** Nested levels of objects and arrays in JSON from the network. The server's tokens have two. */
  jsonDepth: 64,
  /** Characters of `scope`. */
  scopeLength: 2_048,

  /** Seconds by which clocks may differ, and the default leeway. With a time service, clocks differ by less than one second. */
  clockTolerance: 5,
  /** The largest configurable leeway, in seconds. The Rust verifier has the same limit. */
  longestLeeway: 60,

  /** Bytes of a published key set. A typical set has two to ten keys of at most 1.5 kB. */
  keySetSize: 128 * 1024,
  /** Keys of a published set. */
  keySetKeys: 100,
  /** Keys that share a `kid` and an algorithm. */
  keysPerKid: 4,
  /** The time limit of a request for the key set. */
  keySetTimeout: 5_000,
  /** Known keys are fetched again after this time. The server publishes a key 65 minutes before it signs with it. */
  keySetInterval: 5 * 60_000,
  /** A token with an unknown key triggers a request for the key set at most this often. */
  keySetCoolDown: 30_000,

  /** Characters of one server-sent event. The server sends at most 256 KiB. */
  eventLength: 512 * 1024,
  /** A stream without a verified page for this long is closed. The server sends one every 5 seconds. */
  streamTimeout: 15_000,
  /** After this time without a recent page, the follower also polls the list, so that it stays within `staleAfter`. */
  pollAfterSilence: 7_500,
  /** The interval between polls of the list, varied at random by up to 20 percent. */
  listInterval: 5_000,
  /** Bytes of a page that is fetched by polling. The server sends at most 256 KiB. */
  pageSize: 512 * 1024,
  /** The time limit of a request for a page. */
  listTimeout: 5_000,
  /** Requests that arrive before the list is complete for the first time wait at most this long. */
  startupWait: 5_000,
  /** The delay between attempts doubles from the shortest to the longest. */
  shortestRetryDelay: 1_000,
  longestRetryDelay: 30_000,
  /** The longest `Retry-After` that is honoured: half of the default time for which a list that is out of date is used. */
  longestRetryAfter: 30_000,

  /** Revoked sessions in memory. Each takes 20 bytes in a table that is at most half full, so at most 42 MB. */
  revokedSessions: 1_000_000,
  /** Revocations in memory that cover many sessions: those of a user, of a client, or all. */
  revokedRanges: 100_000,
  /** Expired entries are removed at most this often, because the search takes 50 ms when the table is full. */
  sweepInterval: 60_000,

  /** The list is out of date when it is older than this, in seconds: three heartbeats of the server. */
  staleAfter: 15,
  /** The largest configurable age of a list that is still used, in seconds. */
  longestServedStale: 3_600,

  /** The `Retry-After` of responses with 503, in seconds. */
  retryAfter: 5,
});
