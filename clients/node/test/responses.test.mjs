// Complete responses of plain node:http, Express 4, Express 5 and Fetch handlers.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import express5 from "express";
import express4 from "express4";
import { claimsOf } from "../index.js";
import limits from "../src/limits.js";
import { FakeIssuer } from "./support/fake-issuer.mjs";
import { bearerHeader, createTestGuard, sendRequest, serve, serveBehindGuard, statusOf } from "./support/api.mjs";

const issuer = await FakeIssuer.start();
test.after(() => issuer.stop());

async function startApi(t, requirements) {
  const guard = createTestGuard(t, issuer);
  await guard.ready();
  return { guard, url: await serveBehindGuard(t, guard, requirements) };
}

/** A response without its date. */
function withoutDate({ status, headers: { date, ...headers }, text }) {
  return { status, headers, text };
}

function expectedResponse(status, challenge, message) {
  const text = JSON.stringify({ message });
  const headers = { "content-type": "application/json", "content-length": String(text.length), connection: "close" };
  return { status, headers: { ...headers, "www-authenticate": challenge }, text };
}

const NO_TOKEN = expectedResponse(401, 'Bearer realm="https://api.example"', "No access token provided");
const MALFORMED = expectedResponse(
  400,
  'Bearer realm="https://api.example", error="invalid_request"',
  "Malformed Authorization header",
);
const INVALID = expectedResponse(
  401,
  'Bearer realm="https://api.example", error="invalid_token"',
  "Failed to authenticate access token",
);

test("accepts a valid token and passes its claims on", async (t) => {
  const { url, guard } = await startApi(t);
  const claims = issuer.claims();
  const { status, text } = await sendRequest(url, bearerHeader(await issuer.token({ claims })));
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text), { user: claims });
  assert.deepEqual(guard.refused, []);
});

test("the challenge for a request without a token has no error code", async (t) => {
  const { url } = await startApi(t);
  assert.deepEqual(withoutDate(await sendRequest(url)), NO_TOKEN);
  assert.deepEqual(withoutDate(await sendRequest(url, { authorization: "Basic YTpi" })), NO_TOKEN);
  assert.deepEqual(withoutDate(await sendRequest(url, { authorization: "" })), NO_TOKEN);
  assert.deepEqual(withoutDate(await sendRequest(url, { authorization: await issuer.token() })), NO_TOKEN);
});

test("ignores a token in the URL or in a cookie", async (t) => {
  const { url } = await startApi(t);
  const token = await issuer.token();
  assert.deepEqual(withoutDate(await sendRequest(`${url}/?access_token=${token}`)), NO_TOKEN);
  assert.deepEqual(withoutDate(await sendRequest(url, { cookie: `access_token=${token}` })), NO_TOKEN);
});

test("the scheme ignores case and may be followed by several spaces", async (t) => {
  const { url } = await startApi(t);
  const token = await issuer.token();
  for (const authorization of [`bearer ${token}`, `BEARER ${token}`, `Bearer   ${token}`]) {
    assert.equal((await sendRequest(url, { authorization })).status, 200, authorization);
  }
});

test("rejects anything but one well-formed token after the scheme", async (t) => {
  const { url } = await startApi(t);
  const token = await issuer.token();
  for (const rest of ["", " ", ` ${token} ${token}`, ` ${token}, ${token}`, ` "${token}"`, " a=b", " ü"]) {
    const sent = Buffer.from(`Bearer${rest}`).toString("latin1");
    assert.deepEqual(withoutDate(await sendRequest(url, { authorization: sent })), MALFORMED, sent);
  }
});

test("legacy clients may send the bare token, and get the tutorial's responses", async (t) => {
  const guard = createTestGuard(t, issuer, { legacyClients: true });
  await guard.ready();
  const url = await serveBehindGuard(t, guard, { scope: "orders:read" });
  const token = await issuer.token();
  for (const authorization of [token, `  ${token} `, `Bearer ${token}`, `bearer   ${token}`]) {
    assert.equal((await sendRequest(url, { authorization })).status, 200, authorization);
  }
  for (const authorization of ["", " ", "Bearer", "bearer "]) {
    assert.deepEqual(withoutDate(await sendRequest(url, { authorization })), NO_TOKEN, authorization);
  }
  assert.deepEqual(withoutDate(await sendRequest(url)), NO_TOKEN);
  const FORBIDDEN = { ...INVALID, status: 403 };
  const expired = await issuer.token({ claims: { exp: 1 } });
  const rejected = ["x", "Basic YTpi", expired, `Bearer ${expired}`, `${token} ${token}`, `${token},${token}`, [token, token]];
  for (const authorization of rejected) {
    assert.deepEqual(withoutDate(await sendRequest(url, { authorization })), FORBIDDEN, String(authorization));
  }
  const other = await sendRequest(url, { authorization: await issuer.token({ claims: { scope: "x" } }) });
  assert.deepEqual([other.status, other.text], [403, '{"message":"Insufficient scope"}']);
  guard.close();
  assert.equal((await sendRequest(url, { authorization: token })).status, 503);
});

test("`legacyClients` does not accept legacy tokens", async (t) => {
  const guard = createTestGuard(t, issuer, { legacyClients: true });
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ id: 1, username: "john_doe" })}`;
  const legacy = `${input}.${createHmac("sha256", "the access secret").update(input).digest("base64url")}`;
  const request = new Request("https://api.example", { headers: { authorization: legacy } });
  const refusal = await guard.verify(request).catch((error) => error);
  assert.deepEqual([refusal.code, refusal.toResponse().status], ["wrong_algorithm", 403]);
});

// incident 50
test("rejects two Authorization headers, whichever of them is valid", async (t) => {
  const { url, guard } = await startApi(t);
  const valid = `Bearer ${await issuer.token()}`;
  for (const authorization of [
    [valid, valid],
    [valid, "Bearer x"],
    ["Bearer x", valid],
    ["Basic YTpi", valid],
  ]) {
    assert.deepEqual(withoutDate(await sendRequest(url, { authorization })), MALFORMED);
  }
  const differentCase = ["Host", "api.example", "Authorization", valid, "AUTHORIZATION", valid];
  assert.deepEqual(withoutDate(await sendRequest(url, differentCase)), MALFORMED);
  assert.deepEqual(new Set(guard.refused), new Set(["repeated_authorization"]));
});

test("the response does not reveal which check failed", async (t) => {
  const { url, guard } = await startApi(t);
  const refused = [
    "x",
    await issuer.token({ claims: { exp: 1 } }),
    await issuer.token({ claims: { iss: "https://other.example" } }),
    await issuer.token({ claims: { aud: "https://other.example" } }),
    await issuer.token({ header: { typ: "JWT" } }),
    await issuer.token({ header: { kid: "other" } }),
  ];
  for (const token of refused) assert.deepEqual(withoutDate(await sendRequest(url, bearerHeader(token))), INVALID);
  const codes = ["malformed", "expired", "wrong_issuer", "wrong_audience", "wrong_type", "unknown_key"];
  assert.deepEqual(guard.refused, codes);
});

test("responds to a missing scope with 403 and the required scopes", async (t) => {
  const { url } = await startApi(t, { scope: "orders:read orders:delete" });
  assert.deepEqual(
    withoutDate(await sendRequest(url, bearerHeader(await issuer.token()))),
    expectedResponse(
      403,
      'Bearer realm="https://api.example", error="insufficient_scope", scope="orders:read orders:delete"',
      "Insufficient scope",
    ),
  );
  assert.equal(await statusOf(url, await issuer.token({ claims: { scope: "orders:delete orders:read" } })), 200);
});

test("compares scopes as whole words, and a token without `scope` has none", async (t) => {
  const { url } = await startApi(t, { scope: ["orders"] });
  assert.equal(await statusOf(url, await issuer.token({ claims: { scope: "orders" } })), 200);
  for (const scope of ["orders:read", "order", "reorders", "ORDERS", "", undefined]) {
    assert.equal(await statusOf(url, await issuer.token({ claims: { scope } })), 403, scope);
  }
});

test("requires the scopes of the guard and of the route", async (t) => {
  const guard = createTestGuard(t, issuer, { scope: "orders:read" });
  await guard.ready();
  const url = await serveBehindGuard(t, guard, { scope: "orders:write" });
  assert.equal(await statusOf(url, await issuer.token()), 200);
  assert.equal(await statusOf(url, await issuer.token({ claims: { scope: "orders:read" } })), 403);
  assert.equal(await statusOf(url, await issuer.token({ claims: { scope: "orders:write" } })), 403);
});

test("guards every method", async (t) => {
  const { url } = await startApi(t);
  for (const method of ["HEAD", "OPTIONS", "POST", "DELETE"]) {
    assert.equal((await sendRequest(url, {}, method)).status, 401, method);
    assert.equal((await sendRequest(url, bearerHeader(await issuer.token()), method)).status, 200, method);
  }
});

test("claims are frozen at every level", async (t) => {
  const { guard } = await startApi(t);
  // The object around the claims is the first level.
  const depth = limits.jsonDepth - 1;
  const deep = JSON.parse("[".repeat(depth) + "]".repeat(depth));
  const claims = await guard.verify(await issuer.token({ claims: { roles: { admin: ["a"] }, deep } }));
  assert.ok(Object.isFrozen(claims) && Object.isFrozen(claims.roles) && Object.isFrozen(claims.roles.admin));
  let bottom = claims.deep;
  while (bottom.length > 0) [bottom] = bottom;
  assert.ok(Object.isFrozen(bottom));
  assert.throws(() => (claims.sub = "2"), TypeError);
});

for (const [name, express] of [
  ["4", express4],
  ["5", express5],
]) {
  test(`Express ${name}: a request with a token reaches the handler, and one without gets 401`, async (t) => {
    const guard = createTestGuard(t, issuer);
    const app = express();
    app.get("/protectedRoute", guard.middleware({ scope: "orders:read" }), (req, res) =>
      res.json({ message: "This is a protected route", user: req.auth }),
    );
    app.get("/failing", guard.middleware(), () => {
      throw new Error("the handler's own");
    });
    app.use((error, req, res, next) => res.status(500).json({ message: error.message }));
    const url = await serve(t, app);
    const claims = issuer.claims();
    const token = await issuer.token({ claims });
    await guard.ready();

    const { status, text } = await sendRequest(`${url}/protectedRoute`, bearerHeader(token));
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), { message: "This is a protected route", user: claims });
    const { headers, ...refused } = withoutDate(await sendRequest(`${url}/protectedRoute`));
    assert.deepEqual(
      { ...refused, headers: { ...headers, "x-powered-by": undefined } },
      {
        ...NO_TOKEN,
        headers: { ...NO_TOKEN.headers, "x-powered-by": undefined },
      },
    );
    const failed = await sendRequest(`${url}/failing`, bearerHeader(token));
    assert.deepEqual([failed.status, failed.text], [500, '{"message":"the handler\'s own"}']);
  });
}

test("a Fetch handler gets the claims and all further arguments", async (t) => {
  const guard = createTestGuard(t, issuer);
  await guard.ready();
  const handler = guard.fetch((request, auth, context) => Response.json({ user: auth.sub, context }), {
    scope: "orders:read",
  });
  const request = (headers) => new Request("https://api.example/orders", { headers });
  const served = await handler(request(bearerHeader(await issuer.token())), "context");
  assert.deepEqual([served.status, await served.json()], [200, { user: "1", context: "context" }]);

  const refused = await handler(request({}));
  assert.equal(refused.status, 401);
  assert.equal(refused.headers.get("www-authenticate"), 'Bearer realm="https://api.example"');
  assert.deepEqual(await refused.json(), { message: "No access token provided" });

  const twice = request(bearerHeader(await issuer.token()));
  twice.headers.append("authorization", "Bearer x");
  assert.equal((await handler(twice)).status, 400);
});

test("passes on the errors of a Fetch handler", async (t) => {
  const guard = createTestGuard(t, issuer);
  await guard.ready();
  const handler = guard.fetch(() => Promise.reject(new Error("the handler's own")));
  const request = new Request("https://api.example", { headers: bearerHeader(await issuer.token()) });
  await assert.rejects(handler(request), /the handler's own/);
});

test("verifies a bare token, and turns a refusal into a Response", async (t) => {
  const { guard } = await startApi(t);
  const claims = issuer.claims();
  assert.deepEqual(await guard.verify(await issuer.token({ claims })), claims);
  const refusal = await guard.verify("x").catch((error) => error);
  assert.deepEqual(
    [refusal.name, refusal.code, refusal.status, await refusal.toResponse().json()],
    ["Refusal", "malformed", 401, { message: "Failed to authenticate access token" }],
  );
});

test("claimsOf finds the claims even if another library overwrites request.auth", async (t) => {
  const { guard } = await startApi(t);
  const middleware = guard.middleware();
  const seen = [];
  const url = await serve(t, (request, response) => {
    seen.push(claimsOf(request));
    middleware(request, response, () => {
      request.auth = "something else";
      seen.push(claimsOf(request).sub);
      response.end();
    });
  });
  assert.equal((await sendRequest(url, bearerHeader(await issuer.token()))).status, 200);
  assert.equal((await sendRequest(url)).status, 401);
  assert.deepEqual(seen, [undefined, "1", undefined]);
  assert.equal(claimsOf(new Request("https://api.example")), undefined);
});

// C10
test("responds with 503 and does not call next when onRefused throws", async (t) => {
  const guard = createTestGuard(t, issuer, {
    onRefused: () => {
      throw new Error("a bug in the program");
    },
  });
  await guard.ready();
  const url = await serveBehindGuard(t, guard);
  const { status, headers } = await sendRequest(url, bearerHeader("x"));
  assert.deepEqual([status, headers["retry-after"]], [503, "5"]);
  await assert.rejects(guard.verify(undefined), /a bug in the program/);
});

test("a closed guard rejects every token", async (t) => {
  const { guard, url } = await startApi(t);
  const token = await issuer.token();
  assert.equal(await statusOf(url, token), 200);
  guard.close();
  guard.close();
  assert.equal(await statusOf(url, token), 503);
  assert.deepEqual(guard.refused, ["closed"]);
  await assert.rejects(guard.ready(), { code: "closed" });
});

// G1
test("a logged refusal contains nothing of the token", async (t) => {
  const { inspect } = await import("node:util");
  const refusals = [];
  const guard = createTestGuard(t, issuer, { onRefused: (refusal) => refusals.push(refusal) });
  const canary = { username: "canary-in-the-claims" };
  const tokens = [
    await issuer.token({ claims: { ...canary, exp: 1 } }),
    await issuer.token({ claims: { ...canary, aud: "other" } }),
    await issuer.token({ claims: { ...canary, sid: undefined } }),
    `${await issuer.token({ claims: canary })}x`,
  ];
  for (const token of tokens) await assert.rejects(guard.verify(token));
  assert.equal(refusals.length, tokens.length);
  for (const [index, refusal] of refusals.entries()) {
    const logged = inspect(refusal, { depth: 10, showHidden: true }) + JSON.stringify(refusal);
    assert.ok(!logged.includes("canary"), logged);
    for (const part of tokens[index].split(".")) assert.ok(!logged.includes(part), logged);
  }
});
