// Signs a browser in at a Countersign server, and keeps all tabs of its origin signed in.
//
// One tab refreshes for all, under a Web Lock, and tells the others over a BroadcastChannel. A lost answer is asked for
// again with the same token, for as long as the server answers that alike. Tokens age by the time that passes: `exp` is
// never compared with this clock. In cookie mode no script sees the refresh token; in body mode it stays in memory,
// unless a `storage` is given.
//
// Each change goes to the server, then to memory, then to storage, then to the other tabs. Storage, locks and channels
// are best effort: a browser may lack or deny them. Their failure is reported once and undoes nothing.
import { SessionError } from "./errors.js";
import { createSession } from "./options.js";

export { SessionError, createSession };
