// Use of the page with only the keyboard: every action works, the focus is always visible, and screen readers get each result.
import assert from "node:assert/strict";
import { test } from "node:test";
import { experimentOf, outcomeOf } from "../support/acts.mjs";
import { Stage } from "../support/stage.mjs";

/** The maximum number of Tab presses, which is more than the page has focusable elements. */
const MOST_STOPS = 150;

const stage = new Stage();

test("the keyboard alone can open a session, run an experiment, inspect a token and copy a curl command", async (t) => {
  const { page, traffic, troubles, heard } = await stage.open(t);
  await page.getByText("connected", { exact: true }).waitFor();

  await page.keyboard.press("Tab");
  assert.match((await focused(page)).name, /^Skip/);
  await act(page, "Enter");
  await tabTo(page, "Open a session");
  await act(page, "Enter");
  await page.locator("#pair").getByRole("heading", { name: "Refresh token" }).waitFor();
  await tabTo(page, "Refresh");
  await act(page, "Space");
  await page.locator("#pair .outcome").getByText("Generation 0 is spent").waitFor();

  await tabTo(page, "Several tabs refresh at the same time");
  await act(page, "Enter");
  await experimentOf(page, "two-tabs").locator("[data-action=all]").waitFor();
  await page.keyboard.press("Tab");
  await act(page, "ArrowDown");
  assert.equal(await experimentOf(page, "two-tabs").locator("input:checked").count(), 1);
  await tabTo(page, "Run all steps");
  await act(page, "Enter");
  assert.equal(await outcomeOf(experimentOf(page, "two-tabs")), "as-designed");
  assert.match((await focused(page)).name, /Run all steps/);

  await tabTo(page, "The same theft in the Express tutorial’s design");
  // Moving the focus near the inspector loads it, like scrolling.
  await page.locator("#inspector-token").waitFor();
  await tabTo(page, "A token, an Authorization header, or a curl command with a token");
  await tabTo(page, "Use this page’s access token");
  await act(page, "Enter");
  // On a busy machine the token may have expired by now.
  await page.locator("#inspector").getByText(/A verifier (accepts|rejects) the token/).first().waitFor();

  await tabTo(page, /^(POST|GET) /);
  await act(page, "Enter");
  await page.getByText("As a curl command", { exact: true }).waitFor();
  await tabTo(page, /curl command/);
  await act(page, "Enter");
  await page.getByText("Copied", { exact: true }).waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl -i .*localhost/);

  assert.deepEqual((await traffic.to("POST", "/v1/sessions/refresh")).map(({ status }) => status), Array(7).fill(200));
  const told = (await heard()).join("\n");
  for (const sentence of [/A session is open/, /Generation 0 is spent/, /at the same time: as designed/, /A verifier (accepts|rejects) the token/, /Copied the curl command/]) {
    assert.match(told, sentence);
  }
  assert.deepEqual(troubles, []);
});

test("the focus does not move while an experiment runs step by step, nor after a cancel", async (t) => {
  const { page } = await stage.open(t);
  const experiment = experimentOf(page, "thief-second");
  await experiment.locator("> summary").focus();
  await act(page, "Enter");
  await experiment.locator("[data-action=all]").waitFor();
  await tabTo(page, "Step by step");
  await act(page, "Enter");
  await experiment.locator('[data-step="1"][data-state=done]').waitFor();
  assert.match((await focused(page)).name, /Next step/);
  await act(page, "Enter");
  await experiment.locator('[data-step="2"][data-state=done]').waitFor();
  await act(page, "Enter");
  await experiment.locator("progress").waitFor();
  await tabTo(page, "Cancel");
  await act(page, "Enter");
  await experiment.and(page.locator("[data-state=waiting]")).waitFor();
  assert.match((await focused(page)).name, /Cancel/);
});

test("screen readers get each result of the token pair's buttons", async (t) => {
  const { page, heard } = await stage.open(t);
  const press = async (name) => {
    await page.locator("#pair").getByRole("button", { name, exact: true }).focus();
    await page.keyboard.press("Enter");
  };
  const hear = (sentence) => page.waitForFunction((text) => globalThis.heard.some((said) => said.includes(text)), sentence);

  await press("Open a session");
  await hear("A session is open");
  await press("Call the API");
  await hear("Accepted.");
  await press("Sign out");
  await hear("Signed out");
  await press("Refresh");
  await hear("The server rejected the refresh token");
  assert.equal(new Set(await heard()).size, (await heard()).length);
});

/** Presses Tab until an element with that name has the focus. The focus must be visible at each stop. */
async function tabTo(page, name) {
  const isMeant = (found) => (name instanceof RegExp ? name.test(found) : found.startsWith(name));
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press("Tab");
    const { name: found, isBody, isSeen } = await focused(page);
    assert.ok(!isBody, `the focus was lost on the way to ${name}`);
    assert.ok(isSeen, `the focus at “${found}” is not visible`);
    if (isMeant(found)) return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}

/** Presses a key. The focus may move to another element, but must not be lost. */
async function act(page, key) {
  await page.keyboard.press(key);
  assert.ok(!(await focused(page)).isBody, `${key} lost the focus`);
}

const focused = (page) =>
  page.evaluate(() => {
    const node = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(node);
    const label = node.labels?.[0]?.textContent ?? node.getAttribute("aria-label");
    return {
      name: (label ?? node.textContent).trim().replace(/\s+/g, " "),
      isBody: node === document.body,
      isSeen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 1,
    };
  });
