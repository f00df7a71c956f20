// The experiments that affect every session of a server. Each test starts its own server.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { outcomeOf, runAll, runOne, unfold } from "../support/acts.mjs";
import { launch, openLab } from "../support/chromium.mjs";
import { startServer } from "../support/server.mjs";

const KEYS = "/.well-known/jwks.json";

test("a session, its tokens and the keys survive a restart of the server", async (t) => {
  const { page, server, traffic, experiment, troubles, heard } = await begin(t, "restart");
  const { row } = await sessionAfter(server, traffic, () => runAll(experiment));

  const [{ status }] = await traffic.to("POST", "/v1/lab/restart");
  assert.equal(status, 202);
  // The restart resets the metrics, so they contain only the one refresh after it.
  assert.deepEqual(await server.refreshes(), { rotated: 1 });
  const refreshes = await traffic.to("POST", "/v1/sessions/refresh");
  assert.deepEqual(refreshes.map((call) => call.status), [200, 200]);
  assert.equal(refreshes[1].sent.refresh_token, refreshes[0].json.refresh_token);
  assert.deepEqual([row.state, row.generation], ["live", 2]);
  const [before, after] = await traffic.to("GET", KEYS);
  assert.deepEqual(before.json, after.json);
  const [shown] = await traffic.to("GET", "/protectedRoute");
  assert.deepEqual([shown.token, shown.status], [refreshes[0].json.access_token, 200]);
  assert.equal(await experiment.getAttribute("data-outcome"), "as-designed");
  assert.deepEqual(troubles, []);
  await page.getByText("connected", { exact: true }).waitFor();
  assert.match((await heard()).join("\n"), /does not respond.*The server is connected again/s);
});

test("an API keeps verifying tokens across key rotations, step by step", async (t) => {
  const { server, traffic, experiment, troubles } = await begin(t, "key-rotation");
  const stepwise = async () => {
    for (let step = 1; step <= 4; step++) await runOne(experiment, step);
    return outcomeOf(experiment);
  };
  const { row, opened } = await sessionAfter(server, traffic, stepwise);

  const rotations = await traffic.to("POST", "/v1/lab/keys/rotate");
  const refreshes = await traffic.to("POST", "/v1/sessions/refresh");
  const tokens = [opened, ...refreshes.map(({ json }) => json)].map((json) => json.access_token);
  const [first, second, third] = [kidOf(tokens[0]), ...rotations.map(({ json }) => json.kid)];
  assert.equal(new Set([first, second, third]).size, 3);
  assert.deepEqual(tokens.map(kidOf), [first, first, second, third]);
  assert.deepEqual([row.state, row.generation], ["live", 3]);
  // Two fetches by the API, and one by the last step.
  assert.equal((await traffic.to("GET", KEYS)).length, 3);
  const { keys } = await (await fetch(`${server.url}${KEYS}`)).json();
  assert.deepEqual(tokens.map((token) => isGenuine(token, keys)), [true, true, true, true]);
  assert.equal(await experiment.getAttribute("data-outcome"), "as-designed");
  assert.deepEqual(troubles, []);
});

async function begin(t, id) {
  const server = await startServer(t);
  const { page, ...lab } = await openLab(t, await launch(t), server);
  return { server, page, ...lab, experiment: await unfold(page, id) };
}

async function sessionAfter(server, traffic, act) {
  await act();
  const [{ json: opened }] = await traffic.to("POST", "/v1/lab/sessions");
  return { opened, row: await server.session(opened.session_id) };
}

const kidOf = (token) => JSON.parse(Buffer.from(token.split(".")[0], "base64url")).kid;

function isGenuine(token, keys) {
  const [header, claims, signature] = token.split(".");
  const key = createPublicKey({ key: keys.find(({ kid }) => kid === kidOf(token)), format: "jwk" });
  return verify("sha256", Buffer.from(`${header}.${claims}`), { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url"));
}
