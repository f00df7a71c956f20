// The page loads nothing from other origins, stores nothing, and does not send pasted text.
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { inspect, inspectorField, openSession, paste, press, runAll, unfold } from "../support/acts.mjs";
import { Stage } from "../support/stage.mjs";

const stage = new Stage();

// A18, D9
test("a complete tour makes no requests to other origins, stores nothing and logs nothing to the console", async (t) => {
  const { page, context, traffic, troubles, breaches } = await stage.open(t);
  await tour(page);

  assert.deepEqual([...new Set(traffic.urls.map((url) => new URL(url).origin))], [stage.server.url]);
  assert.deepEqual(await context.storageState({ indexedDB: true }), { cookies: [], origins: [] });
  assert.deepEqual(await kept(page), { local: 0, session: 0, databases: [], caches: [], cookie: "", workers: 0, address: `${stage.server.url}/` });
  assert.deepEqual([troubles, await breaches()], [[], []]);
});

// A18, D11
test("the page and its files have a strict Content-Security-Policy and the other security headers", async () => {
  const page = await fetch(`${stage.server.url}/`);
  const files = [...(await page.text()).matchAll(/(?:src|href)="(\/lab\/[^"]+)"/g)].map(([, path]) => path);
  assert.ok(files.length > 2);
  for (const { headers, url } of [page, ...(await Promise.all(files.map((path) => fetch(stage.server.url + path))))]) {
    assert.equal(headers.get("content-security-policy"), POLICY, url);
    assert.equal(headers.get("x-content-type-options"), "nosniff", url);
    assert.equal(headers.get("referrer-policy"), "no-referrer", url);
    assert.equal(headers.get("cross-origin-opener-policy"), "same-origin", url);
  }
});

// A18
test("no request contains text that was pasted into the inspector", async (t) => {
  const { page, context, traffic, troubles } = await stage.open(t);
  const field = await inspectorField(page);
  const secrets = pasted();
  for (const { text } of secrets) {
    await paste(page, field, text);
    await settled(page);
  }
  await paste(page, field, secrets[0].text);
  await page.locator("#inspector").getByText("https://issuer.example").first().waitFor();
  await page.getByLabel("A key that I paste").check();
  for (const { text } of secrets) {
    await paste(page, page.getByLabel("Key", { exact: true }), text);
    await settled(page);
  }

  const sent = (await traffic.texts()).join("\n");
  for (const { marks } of secrets) for (const mark of marks) assert.ok(!sent.includes(mark), `sent: ${mark}`);
  assert.deepEqual(await context.storageState({ indexedDB: true }), { cookies: [], origins: [] });
  assert.deepEqual(troubles, []);
});

// A12
test("a page of another origin cannot show the lab in a frame", async (t) => {
  const page = await elsewhere(t, `<iframe src="${stage.server.url}/"></iframe>`);

  const [, framed] = page.frames();
  assert.equal(framed.url(), "chrome-error://chromewebdata/");
  assert.equal(await framed.getByRole("heading", { name: "The lab" }).count(), 0);
});

// D10
test("a page of another origin cannot call the routes behind the lab's buttons", async (t) => {
  const page = await elsewhere(t, "<title>elsewhere</title>");
  const before = await (await fetch(`${stage.server.url}${KEYS}`)).text();

  const paths = ["/v1/lab/sessions", "/v1/lab/keys/rotate", "/v1/lab/restart"];
  for (const path of paths) {
    // That page cannot read the response, so the test reads the status from the server's metrics.
    await page.evaluate((url) => fetch(url, { method: "POST", mode: "no-cors" }).catch(() => {}), stage.server.url + path);
  }
  assert.deepEqual(await refusals(stage.server), paths.sort());
  assert.equal(await (await fetch(`${stage.server.url}${KEYS}`)).text(), before);
});

test("a reload discards the session and pasted text", async (t) => {
  const { page } = await stage.open(t);
  await openSession(page);
  await inspect(page, "csr_secret");
  await page.reload();

  assert.equal(await (await inspectorField(page)).inputValue(), "");
  assert.equal(await page.getByRole("heading", { name: "Refresh token" }).count(), 0);
});

const KEYS = "/.well-known/jwks.json";
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** A page of another origin. */
async function elsewhere(t, markup) {
  const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(markup));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const page = await stage.browser.newPage();
  t.after(async () => {
    await page.close();
    server.close();
    server.closeAllConnections();
  });
  await page.goto(`http://localhost:${server.address().port}/`);
  return page;
}

/** The routes that responded to a POST with 403. */
async function refusals({ managementPort }) {
  const metrics = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text();
  const counted = /_count\{http_request_method="POST",http_route="([^"]+)",http_response_status_code="403"\} 1$/gm;
  return [...metrics.matchAll(counted)].map(([, route]) => route).sort();
}

async function tour(page) {
  await openSession(page);
  await press(page, "Refresh");
  await press(page, "Call the API");
  await page.getByRole("button", { name: "Inspect it below" }).click();
  await page.locator("#inspector").getByText("A verifier accepts the token").first().waitFor();
  for (const id of ["two-tabs", "edited-token", "alg-none", "public-key-as-secret", "other-issuer"]) {
    await runAll(await unfold(page, id));
  }
  await press(page, "Sign out");
  await press(page, "Refresh");
  await page.locator("#calls summary").first().click();
}

const kept = (page) =>
  page.evaluate(async () => ({
    local: localStorage.length,
    session: sessionStorage.length,
    databases: await indexedDB.databases(),
    caches: await caches.keys(),
    cookie: document.cookie,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    address: location.href,
  }));

/** Texts that users may paste, and unique parts of each, which the test looks for in requests. */
function pasted() {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const kid = `kid-${randomBytes(9).toString("hex")}`;
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = part({ iss: "https://issuer.example", sub: randomBytes(9).toString("hex"), exp: 4_000_000_000 });
  const signed = `${part({ alg: "ES256", typ: "at+jwt", kid, jku: `https://keys.example/${kid}` })}.${claims}`;
  const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
  const refreshToken = `csr_${randomBytes(66).toString("base64url")}`;
  const password = `hunter2-${randomBytes(9).toString("hex")}`;
  const pem = (key, type) => key.export({ type, format: "pem" });
  const lineOf = (text) => text.split("\n")[1];
  return [
    { text: `${signed}.${signature}`, marks: [claims, signature, kid] },
    { text: `curl -H 'Authorization: Bearer ${signed}.${signature}' https://api.example/`, marks: ["api.example"] },
    { text: refreshToken, marks: [refreshToken] },
    { text: password, marks: [password, encodeURIComponent(password)] },
    { text: pem(publicKey, "spki"), marks: [lineOf(pem(publicKey, "spki"))] },
    { text: pem(privateKey, "pkcs8"), marks: [lineOf(pem(privateKey, "pkcs8"))] },
    { text: JSON.stringify({ kty: "oct", k: password, alg: "HS256" }), marks: [password] },
  ];
}

/** Waits longer than the inspector's typing pause, so that any request that it makes has been sent. */
async function settled(page) {
  await page.waitForTimeout(400);
}
