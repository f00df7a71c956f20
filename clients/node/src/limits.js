"use strict";
// Every bound and interval in one place, in bytes, milliseconds, or as named. None of them is an option:
// whoever could raise one could switch a protection off.

module.exports = Object.freeze({
  /** Characters of an access token. Node itself takes no more than 16 KiB of headers. */
  tokenLength: 16 * 1024,
  /** Levels of JSON from the network: objects and arrays inside each other. A token of the server has two. */
  jsonDepth: 64,
  /** Characters of `scope`. */
  scopeLength: 2_048,

  /** Seconds by which clocks may differ, unless a guard says otherwise. Machines with a time service differ by less than one. */
  clockTolerance: 5,
  /** Seconds of leeway that a configuration may allow at most, as in the Rust verifier. */
  longestLeeway: 60,

  /** Bytes of a published key set. A set in use has two to ten keys of at most 1.5 kB. */
  keySetSize: 128 * 1024,
  /** Keys of a published set. */
  keySetKeys: 100,
  keysPerKid: 4,
  /** How long an answer with keys may take. */
  keySetTimeout: 5_000,
  /** Keys that are known are asked for again after this time. The server publishes a key an hour before it signs. */
  keySetInterval: 5 * 60_000,
  /** A token with an unknown key has the set asked for again, but not more often than this. */
  keySetCoolDown: 30_000,

  /** Characters of one server-sent event. The server sends at most 256 KiB. */
  eventLength: 512 * 1024,
  /** A stream without a verified event for so long is given up. The server sends one every 5 seconds. */
  streamTimeout: 15_000,
  /** A stream without a recent one for so long is late: the list is asked for besides, before `staleAfter` is over. */
  pollAfterSilence: 7_500,
  /** While the stream brings nothing new, the list is asked for so often, a fifth more or less. */
  listInterval: 5_000,
  /** Bytes of a piece of the list that was asked for, and how long it may take. The server sends at most 256 KiB. */
  pageSize: 512 * 1024,
  listTimeout: 5_000,
  /** Requests that come before the list was ever known wait for it, for so long at most. */
  startupWait: 5_000,
  /** Pauses between attempts: doubling from the first to the second. */
  shortestRetryDelay: 1_000,
  longestRetryDelay: 30_000,
  /** No `Retry-After` keeps a follower away for longer: half of the time for which old news is served by default. */
  longestRetryAfter: 30_000,

  /** Revoked sessions kept in memory; 20 bytes each in a table at most half full, so at most 42 MB. */
  revokedSessions: 1_000_000,
  /** Revocations that cover many sessions (a user's, a client's, everybody's) kept in memory. */
  revokedRanges: 100_000,
  /** Expired entries are looked for at most so often, because looking costs 50 ms when the table is full. */
  sweepInterval: 60_000,

  /** Seconds that the feed may be behind when nothing stale is served: three heartbeats. */
  staleAfter: 15,
  /** Seconds that a configuration may allow at most. */
  longestServedStale: 3_600,

  /** Seconds after which a client that got a 503 may ask again. */
  retryAfter: 5,
});
