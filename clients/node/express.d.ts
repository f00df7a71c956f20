// The package with a type for `req.auth` in all of a program's Express routes. Other packages, such as
// express-oauth2-jwt-bearer, give it another type: a program with both imports `countersign` instead.
import type { AccessToken } from "./index.js";

export * from "./index.js";

declare global {
  namespace Express {
    interface Request {
      /** Set behind a guard. */
      auth?: AccessToken;
    }
  }
}
