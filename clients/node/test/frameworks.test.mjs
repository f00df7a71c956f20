// Requests of frameworks: the guard finds the token, and rejects two Authorization headers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import { test } from "node:test";
import { getRequestListener } from "@hono/node-server";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import express5 from "express";
import express4 from "express4";
import { Refusal } from "../index.js";
import { bearerHeader, createTestGuard, sendRequest, serve } from "./support/api.mjs";
import { FakeIssuer } from "./support/fake-issuer.mjs";

const issuer = await FakeIssuer.start();
test.after(() => issuer.stop());

const token = await issuer.token();
const valid = `Bearer ${token}`;

/** Pairs of headers of which at least one is valid. A framework may join a pair into one value. */
const REPEATED = [
  [valid, valid],
  [valid, "Bearer x"],
  ["Bearer x", valid],
  ["Basic YTpi", valid],
  [valid, ""],
];

async function guardFor(t) {
  const guard = createTestGuard(t, issuer);
  await guard.ready();
  return guard;
}

const listenerOf = {
  "Express 4": (guard) => express4().get("/", guard.middleware(), (req, res) => res.json(req.auth)),
  "Express 5": (guard) => express5().get("/", guard.middleware(), (req, res) => res.json(req.auth)),
  async Fastify(guard) {
    const app = Fastify();
    app.get("/", async (request, reply) => {
      try {
        return await guard.verify(request);
      } catch (error) {
        return reply.code(error.status).headers(error.headers).send(error.body);
      }
    });
    await app.ready();
    return app.routing;
  },
  "Koa, with its context": (guard) => koa((context) => guard.verify(context)),
  "Koa, with its request": (guard) => koa((context) => guard.verify(context.request)),
  "Hono, with its context": (guard) => hono((context) => guard.verify(context)),
  "Hono, with its request": (guard) => hono((context) => guard.verify(context.req)),
  "Hono, with the request of Fetch": (guard) => hono((context) => guard.verify(context.req.raw)),
};

function koa(verify) {
  const app = new Koa();
  app.use(async (context) => {
    try {
      context.body = await verify(context);
    } catch (error) {
      context.status = error.status;
      context.body = error.body;
    }
  });
  return app.callback();
}

function hono(verify) {
  const app = new Hono();
  app.get("/", async (context) => context.json(await verify(context)));
  app.onError((error) => (error instanceof Refusal ? error.toResponse() : new Response(error.stack, { status: 500 })));
  return getRequestListener(app.fetch);
}

// incident 50
for (const [name, listen] of Object.entries(listenerOf)) {
  test(`${name}: accepts one header, rejects two, and responds with 401 to none`, async (t) => {
    const guard = await guardFor(t);
    const url = await serve(t, await listen(guard));
    const { status, text } = await sendRequest(url, bearerHeader(token));
    assert.deepEqual([status, JSON.parse(text).sub], [200, "1"]);
    for (const authorization of REPEATED) {
      assert.equal((await sendRequest(url, { authorization })).status, 400, String(authorization));
    }
    const differentCase = ["Host", "api.example", "Authorization", valid, "AUTHORIZATION", valid];
    assert.equal((await sendRequest(url, differentCase)).status, 400);
    assert.equal((await sendRequest(url)).status, 401);
  });
}

// incident 50
test("rejects two headers on a server that joins them", async (t) => {
  const guard = await guardFor(t);
  const middleware = guard.middleware();
  const server = createServer({ joinDuplicateHeaders: true }, (request, response) =>
    middleware(request, response, () => response.end()),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}`;
  for (const authorization of REPEATED) assert.equal((await sendRequest(url, { authorization })).status, 400);
  assert.equal((await sendRequest(url, bearerHeader(token))).status, 200);
});

test("verifies requests of HTTP/2", async (t) => {
  const guard = await guardFor(t);
  const middleware = guard.middleware();
  const server = createHttp2Server((request, response) =>
    middleware(request, response, () => response.end(request.auth.sub)),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect(`http://127.0.0.1:${server.address().port}`);
  t.after(() => {
    client.close();
    server.close();
  });
  const stream = client.request({ ":path": "/", authorization: valid });
  const [headers] = await once(stream, "response");
  stream.resume();
  assert.equal(headers[":status"], 200);
});

// incident 50
test("rejects two headers in every form in which a wrapper can show them", async (t) => {
  const guard = await guardFor(t);
  const assertRejected = (request, code) =>
    assert.rejects(guard.verify(request), { code, status: 400 }, JSON.stringify(request));
  for (const [first, second] of REPEATED) {
    const wrapped = [
      { headers: { authorization: [first, second] } },
      { headers: { authorization: first, Authorization: second } },
      { headers: { authorization: first }, headersDistinct: { authorization: [first, second] } },
      { headers: { Authorization: second }, multiValueHeaders: { Authorization: [first, second] } },
      { headers: { authorization: first }, rawHeaders: ["authorization", first, "AUTHORIZATION", second] },
      { headers: { authorization: first }, raw: { headers: { authorization: [first, second] } } },
      {
        headers: new Headers(bearerHeader(token)),
        req: { headers: {}, rawHeaders: ["A", "b", "Authorization", "", "authorization", ""] },
      },
    ];
    for (const request of wrapped) await assertRejected(request, "repeated_authorization");
  }
  const joined = new Headers([
    ["authorization", valid],
    ["authorization", valid],
  ]);
  await assertRejected(new Request("https://api.example", { headers: joined }), "repeated_authorization");
  await assertRejected({ headers: { authorization: `${valid}, ${valid}` } }, "repeated_authorization");
  await assertRejected({ headers: { authorization: `${valid}, Basic YTpi` } }, "malformed_authorization");
});

test("finds the header in any case in a wrapper without rawHeaders", async (t) => {
  const guard = await guardFor(t);
  for (const headers of [
    { authorization: valid },
    { Authorization: valid },
    { AUTHORIZATION: [valid] },
    { authorization: undefined, Authorization: valid },
    new Headers({ authorization: valid }),
    Object.assign(Object.create(null), { authorization: valid }),
  ]) {
    assert.equal((await guard.verify({ headers })).sub, "1");
  }
  for (const headers of [{}, { authorization: undefined }, { authorization: [] }, { authorization: 1 }]) {
    await assert.rejects(guard.verify({ headers }), { code: "no_token", status: 401 });
  }
});

test("uses the header that another middleware has set from a cookie", async (t) => {
  const guard = await guardFor(t);
  const middleware = guard.middleware();
  const url = await serve(t, (request, response) => {
    request.headers.authorization = `Bearer ${request.headers.cookie}`;
    middleware(request, response, () => response.end());
  });
  assert.equal((await sendRequest(url, { cookie: token })).status, 200);
});

test("ignores a header that a wrapper has removed", async (t) => {
  const guard = await guardFor(t);
  const request = { headers: {}, raw: { headers: { authorization: valid }, rawHeaders: ["authorization", valid] } };
  await assert.rejects(guard.verify(request), { code: "no_token" });
});

test("rejects a value without headers", async (t) => {
  const guard = await guardFor(t);
  for (const request of [undefined, null, 1, {}, { raw: {} }, { headers: "authorization" }]) {
    await assert.rejects(guard.verify(request), ({ code, cause }) => code === "internal" && cause instanceof TypeError);
  }
});
