// A network that fails, recovers, loses responses or is slow: the page shows it, reconnects, and loses no events.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openSession, press } from "../support/acts.mjs";
import { Stage } from "../support/stage.mjs";
import { Wire, eventsOf } from "../support/traffic.mjs";

/** A slow mobile network: bytes per second, and milliseconds. */
const SLOW = { offline: false, downloadThroughput: 50_000, uploadThroughput: 20_000, latency: 400 };

const stage = new Stage();

test("a call while the browser is offline is shown without a response, and works afterwards", async (t) => {
  const { page, context, traffic, troubles } = await stage.open(t);
  await openSession(page);
  const { session_id: id } = (await traffic.to("POST", "/v1/lab/sessions"))[0].json;

  await context.setOffline(true);
  assert.match(await press(page, "Refresh"), /no response[^]*did not respond/);
  assert.match(await newestCall(page), /POST \/v1\/sessions\/refresh[^]*no response/);

  await context.setOffline(false);
  assert.match(await press(page, "Refresh"), /Generation 0 is spent, and generation 1/);
  assert.deepEqual(await eventsOf(stage.server, id, 2), ["opened", "rotated 0 → 1"]);
  assert.deepEqual(troubles, []);
});

test("a lost connection is shown, and events that the page missed are drawn after the reconnect", async (t) => {
  const wire = await Wire.open(t, stage.server);
  const { page, troubles, heard } = await stage.open(t, {}, wire);
  await openSession(page);
  await page.getByText("connected", { exact: true }).waitFor();
  await chartOf(page, ["opened"]);

  wire.cut();
  await page.locator("#connection").getByText("no response").waitFor();
  await fetch(`${stage.server.url}/v1/lab/sessions`, { method: "POST" });
  const { refresh_token } = await (await fetch(`${stage.server.url}/v1/lab/sessions`, { method: "POST" })).json();
  const body = JSON.stringify({ refresh_token, client_id: "lab" });
  await fetch(`${stage.server.url}/v1/sessions/refresh`, { method: "POST", headers: { "content-type": "application/json" }, body });

  wire.repair();
  await page.getByText("connected", { exact: true }).waitFor();
  await chartOf(page, ["opened", "rotated"]);
  // The page's session, the two sessions that were opened during the outage, and the option to follow the newest.
  assert.equal(await page.locator("#story-session option").count(), (await sessionsSoFar()) + 1);
  assert.match((await heard()).join("\n"), /The server does not respond[^]*The server is connected again/);
  assert.deepEqual(troubles, []);
});

test("a retry returns a response that was lost in transit", async (t) => {
  const wire = await Wire.open(t, stage.server);
  const { page, traffic } = await stage.open(t, {}, wire);
  await openSession(page);
  const { session_id: id } = (await traffic.to("POST", "/v1/lab/sessions"))[0].json;

  wire.isLosing = true;
  assert.match(await press(page, "Refresh"), /no response/);
  assert.equal((await stage.server.session(id)).generation, 1);

  wire.repair();
  assert.match(await press(page, "Refresh"), /generation 1 replaces it/);
  // A browser itself retries, once or more, if a connection ends before the response.
  const [opened, rotated, ...again] = await eventsOf(stage.server, id, 3);
  assert.deepEqual([opened, rotated, ...new Set(again)], ["opened", "rotated 0 → 1", "replayed 0 → 1"]);
  assert.equal((await stage.server.session(id)).generation, 1);
});

test("on a slow network a double click on Refresh does not revoke the session", async (t) => {
  const { page, context, traffic, troubles } = await stage.open(t);
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", SLOW);
  await page.reload();
  await openSession(page);

  const refresh = page.locator("#pair").getByRole("button", { name: "Refresh", exact: true });
  await refresh.dblclick();
  await page.locator("#pair .outcome").getByText(/Generation 0 is spent/).waitFor();
  await press(page, "Call the API");
  const calls = await traffic.to("POST", "/v1/sessions/refresh");
  assert.deepEqual(calls.map(({ status }) => status), calls.map(() => 200));
  const { session_id: id } = (await traffic.to("POST", "/v1/lab/sessions"))[0].json;
  const { state, generation } = await stage.server.session(id);
  assert.deepEqual([state, generation], ["live", 1]);
  assert.deepEqual(troubles, []);
});

const newestCall = (page) => page.locator("#calls li").first().innerText();

async function chartOf(page, words) {
  await page.waitForFunction(
    (wanted) => [...document.querySelectorAll("#story .chart-word")].map(({ textContent }) => textContent).join() === wanted,
    words.join(),
  );
}

async function sessionsSoFar() {
  const metrics = await (await fetch(`http://127.0.0.1:${stage.server.managementPort}/metrics`)).text();
  return Number(/^countersign_sessions_opened_total (\d+)$/m.exec(metrics)[1]);
}
