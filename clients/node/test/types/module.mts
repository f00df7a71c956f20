// Uses the package as an ES module does, and checks that the types reject mistakes.
import { createServer } from "node:http";
import { Agent } from "node:https";
import express from "express";
import { Refusal, claimsOf, createGuard, requireToken } from "countersign/express";
import type { AccessToken, Guard, GuardOptions } from "countersign/express";

const options: GuardOptions = { issuer: "https://id.example", audience: "https://api.example" };

const app = express();
app.get("/protectedRoute", requireToken(options), (req, res) => {
  const auth: AccessToken | undefined = req.auth;
  res.json({ message: "This is a protected route", user: auth });
});
app.use("/orders", requireToken({ ...options, scope: "orders:read" }));

const guard: Guard = createGuard({
  ...options,
  scope: ["orders:read"],
  algorithms: ["ES256"],
  revocations: { stale: { policy: "serve", for: 30 } },
  onRefused: ({ code, message, cause }) => console.warn(code, message, cause),
});
const middleware = guard.middleware({ scope: "orders:write" });
createServer((request, response) => middleware(request, response, () => response.end(claimsOf(request)?.sub)));

export default {
  fetch: guard.fetch((request, auth, context: { name: string }) =>
    Response.json({ url: request.url, user: auth.sub, context }),
  ),
};

try {
  const { sid, id }: AccessToken = await guard.verify("token", { scope: "a b" });
  const text: string = sid;
  // @ts-expect-error A user's own claims can have any type.
  const number: number = id;
  console.log(text, number);
} catch (error) {
  if (error instanceof Refusal) console.log(error.status, error.headers["retry-after"], error.toResponse());
}

requireToken(options).guard.close();

// The options for requests to the server.
createGuard({ ...options, fetch });
createGuard({ ...options, fetch: async (url, init) => new Response(`${url} ${init.headers["accept"]}`) });
createGuard({ ...options, agent: new Agent({ keepAlive: true }) });
// @ts-expect-error A URL is not an agent.
createGuard({ ...options, agent: "http://proxy:3128" });

// Requests of frameworks, as their types describe them.
declare const fastify: import("fastify").FastifyRequest;
declare const hono: import("hono").Context;
await Promise.all([guard.verify(fastify), guard.verify(hono), guard.verify(hono.req), guard.verify(hono.req.raw)]);
await guard.verify({ headers: { Authorization: "Bearer x" } });
// @ts-expect-error A request is not a number.
await guard.verify(1);
// @ts-expect-error Leeway is a number of seconds.
createGuard({ ...options, leeway: "5" });

// @ts-expect-error The audience is required.
createGuard({ issuer: "https://id.example" });
// @ts-expect-error Symmetric algorithms are not supported.
createGuard({ ...options, algorithms: ["HS256"] });
// @ts-expect-error Only `dangerouslyIgnoreRevocations` disables the check.
createGuard({ ...options, revocations: false });
// @ts-expect-error The policy "refuse" has no `for`.
createGuard({ ...options, revocations: { stale: { policy: "refuse", for: 5 } } });
// @ts-expect-error Claims are read-only.
(await guard.verify("token")).sub = "2";
