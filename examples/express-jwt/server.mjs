// Express 5.3 with express-jwt 8.5 and jwks-rsa 4.1.
// Checks: signature, alg, iss, aud, and exp if the token has one. EdDSA is not supported, because it uses jsonwebtoken.
// Does not check: typ (so `isRevoked`, which gets the verified token, rejects other types), required claims, revocation.
import express from "express";
import { expressjwt } from "express-jwt";
import jwksRsa from "jwks-rsa";

const { ISSUER, AUDIENCE, PORT } = process.env;

const requireToken = expressjwt({
  secret: jwksRsa.expressJwtSecret({ jwksUri: `${ISSUER}/.well-known/jwks.json` }),
  issuer: ISSUER,
  audience: AUDIENCE,
  algorithms: ["ES256"],
  isRevoked: (request, token) => token.header.typ !== "at+jwt",
});

const app = express();

app.get("/protectedRoute", requireToken, (request, response) => {
  response.json({ message: "This is a protected route", user: request.auth });
});

app.use((error, request, response, next) => {
  if (error.name !== "UnauthorizedError") return response.status(503).json({ message: "The key set is out of reach" });
  response.status(401).set("WWW-Authenticate", "Bearer").json({ message: error.message });
});

app.listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
