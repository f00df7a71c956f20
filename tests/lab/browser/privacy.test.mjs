// Nothing comes from elsewhere, nothing is kept, and what is pasted stays in the page.
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { after, before, test } from "node:test";
import { inspect, inspectorField, openSession, paste, press, runAll, unfold } from "../support/acts.mjs";
import { launch, openLab } from "../support/chromium.mjs";
import { startServer } from "../support/server.mjs";
import { Traffic } from "../support/traffic.mjs";

let browser;
let server;
const endings = [];

before(async () => {
  const whole = { after: (end) => endings.unshift(end) };
  server = await startServer(whole);
  browser = await launch(whole);
});

after(async () => {
  for (const end of endings) await end();
});

// A18, D11
test("a whole tour asks nobody else, keeps nothing and says nothing in the console", async (t) => {
  const { page, context, troubles, breaches } = await openLab(t, browser, server);
  const traffic = new Traffic(context);
  await page.reload();
  await tour(page);

  assert.deepEqual([...new Set(traffic.urls.map((url) => new URL(url).origin))], [server.url]);
  assert.deepEqual(await context.storageState({ indexedDB: true }), { cookies: [], origins: [] });
  assert.deepEqual(await kept(page), { local: 0, session: 0, databases: [], caches: [], cookie: "", workers: 0, address: `${server.url}/` });
  assert.deepEqual([troubles, await breaches()], [[], []]);
});

// A18, D11
test("the page and its files carry the policy that lets nothing in or out", async () => {
  const page = await fetch(`${server.url}/`);
  const files = [...(await page.text()).matchAll(/(?:src|href)="(\/lab\/[^"]+)"/g)].map(([, path]) => path);
  assert.ok(files.length > 2);
  for (const { headers, url } of [page, ...(await Promise.all(files.map((path) => fetch(server.url + path))))]) {
    assert.equal(headers.get("content-security-policy"), POLICY, url);
    assert.equal(headers.get("x-content-type-options"), "nosniff", url);
    assert.equal(headers.get("referrer-policy"), "no-referrer", url);
    assert.equal(headers.get("cross-origin-opener-policy"), "same-origin", url);
  }
});

// A18
test("what is pasted into the inspector is in no request", async (t) => {
  const { page, context, troubles } = await openLab(t, browser, server);
  const traffic = new Traffic(context);
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

test("a reload forgets the session and what was pasted", async (t) => {
  const { page } = await openLab(t, browser, server);
  await openSession(page);
  await inspect(page, "csr_secret");
  await page.reload();

  assert.equal(await (await inspectorField(page)).inputValue(), "");
  assert.equal(await page.getByRole("heading", { name: "Refresh token" }).count(), 0);
});

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

async function tour(page) {
  await openSession(page);
  await press(page, "Refresh");
  await press(page, "Call the API");
  await page.getByRole("button", { name: "Take it apart below" }).click();
  await page.locator("#inspector").getByText("A verifier accepts it").first().waitFor();
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

/** What people paste, and the parts of it that would be recognised anywhere. */
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

/** Longer than the pause after which the inspector reads, and what it may ask for is asked. */
async function settled(page) {
  await page.waitForTimeout(400);
}
