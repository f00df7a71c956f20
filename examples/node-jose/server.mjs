// Node's http module with jose 6.2; the same two jose calls work in Deno, Bun and edge runtimes.
// Checks: signature, alg, iss, aud, exp, typ, and that the claims in `requiredClaims` are present.
// Does not check: the Authorization header, which this file parses, and revocation.
import { createServer } from "node:http";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER, AUDIENCE, PORT } = process.env;

const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`));
const expected = {
  issuer: ISSUER,
  audience: AUDIENCE,
  typ: "at+jwt",
  algorithms: ["ES256"],
  requiredClaims: ["exp", "sub", "client_id", "jti"],
};
const outOfReach = ["ERR_JOSE_GENERIC", "ERR_JWKS_INVALID", "ERR_JWKS_TIMEOUT"];

async function answer(request) {
  const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (!token) return [401, { message: "No access token provided" }];
  try {
    const { payload } = await jwtVerify(token, keys, expected);
    return [200, { message: "This is a protected route", user: payload }];
  } catch (error) {
    const refused = error instanceof errors.JOSEError && !outOfReach.includes(error.code);
    return refused ? [401, { message: error.message }] : [503, { message: "The key set is out of reach" }];
  }
}

createServer(async (request, response) => {
  const path = request.url.split("?")[0];
  const [status, body] = path === "/protectedRoute" ? await answer(request) : [404, { message: "Not found" }];
  const challenge = status === 401 ? { "WWW-Authenticate": "Bearer" } : {};
  response.writeHead(status, { "Content-Type": "application/json", ...challenge }).end(JSON.stringify(body));
}).listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
