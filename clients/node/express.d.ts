// Declares the type of `req.auth` in all Express routes of a program. Other packages, such as express-oauth2-jwt-bearer, declare
// another type. A program that uses both must import `countersign` instead.
import type { AccessToken } from "./index.js";

export * from "./index.js";

declare global {
  namespace Express {
    interface Request {
      /** The verified claims, if a guard accepted the request. */
      auth?: AccessToken;
    }
  }
}
