// Express 5.3 with express-oauth2-jwt-bearer 1.10. The URL of the key set comes from the server's metadata.
// Checks: signature, alg, iss, aud, exp (5 s of tolerance); `strict` adds typ, sub, iat, jti and client_id.
// Does not check: revocation. If the key set is unreachable, it responds with 401.
// It also accepts a token in the query string, so `app.use` rejects such requests.
import express from "express";
import { InvalidRequestError, auth } from "express-oauth2-jwt-bearer";

const { ISSUER, AUDIENCE, PORT } = process.env;

const requireToken = auth({
  issuerBaseURL: ISSUER,
  audience: AUDIENCE,
  tokenSigningAlg: "ES256",
  strict: true,
});

const app = express();
app.use((request, response, next) => {
  const inAddress = new URLSearchParams(request.url.split("?")[1]).has("access_token");
  next(inAddress ? new InvalidRequestError("A token belongs in the header") : undefined);
});

app.get("/protectedRoute", requireToken, (request, response) => {
  response.json({ message: "This is a protected route", user: request.auth.payload });
});

app.use((error, request, response, next) => {
  response.status(error.status ?? 500).set(error.headers ?? {}).json({ message: error.message });
});

app.listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
