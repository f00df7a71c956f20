"use strict";
// Checks every algorithm, a revoked session and the middleware in one runtime. The guard is not closed, because the process must
// also end with an open guard.

const http = require("node:http");

/**
 * Returns the subject or the error code for each token, and the statuses of a request with the first token and of one without a
 * token.
 */
async function scenario({ claimsOf, createGuard }, { issuer, audience, tokens }) {
  const guard = createGuard({ issuer, audience });
  await guard.ready();
  const outcomes = {};
  for (const [name, token] of Object.entries(tokens)) {
    outcomes[name] = await guard.verify(token).then(
      ({ sub }) => sub,
      ({ code }) => code,
    );
  }
  return { ...outcomes, ...(await throughMiddleware(guard, claimsOf, Object.values(tokens)[0])) };
}

async function throughMiddleware(guard, claimsOf, token) {
  const middleware = guard.middleware();
  const server = http.createServer((request, response) =>
    middleware(request, response, () => response.end(claimsOf(request).sub)),
  );
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  const withToken = await statusOf(port, { authorization: `Bearer ${token}` });
  const without = await statusOf(port, {});
  await new Promise((resolve) => server.close(resolve));
  return { withToken, without };
}

function statusOf(port, headers) {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port, headers, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    });
    request.on("error", reject);
  });
}

module.exports = { scenario };
