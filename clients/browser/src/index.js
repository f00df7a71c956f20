// Signs a browser in at a Countersign server and keeps all tabs of the page's origin signed in.
//
// One tab refreshes the access token under a Web Lock and sends it to the other tabs over a BroadcastChannel. If the
// response to a refresh is lost, the tab sends the same refresh token again, within the server's grace period. The
// module measures a token's age by elapsed time; it never compares `exp` with the clock. In cookie mode scripts cannot
// read the refresh token. In body mode the refresh token stays in memory, unless the page passes a `storage`.
//
// Each change is sent to the server first, then applied to memory, then to storage, then sent to the other tabs. A
// browser may lack or deny storage, locks and channels. The module reports the first such failure once, and a failure
// never undoes an earlier step.
import { SessionError } from "./errors.js";
import { createSession } from "./options.js";

export { SessionError, createSession };
