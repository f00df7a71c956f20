// The keyboard alone is enough, what has the focus can be seen, and each outcome is told to people who see nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { experimentOf, outcomeOf } from "../support/acts.mjs";
import { Stage } from "../support/stage.mjs";

/** More stops than the page has. */
const MOST_STOPS = 150;

const stage = new Stage();

test("from the page's beginning to an experiment's outcome, an inspected token and a copied line", async (t) => {
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

  await tabTo(page, "Two tabs refresh at once, or five");
  await act(page, "Enter");
  await experimentOf(page, "two-tabs").locator("[data-action=all]").waitFor();
  await page.keyboard.press("Tab");
  await act(page, "ArrowDown");
  assert.equal(await experimentOf(page, "two-tabs").locator("input:checked").count(), 1);
  await tabTo(page, "Run all steps");
  await act(page, "Enter");
  assert.equal(await outcomeOf(experimentOf(page, "two-tabs")), "as-designed");
  assert.match((await focused(page)).name, /Run all steps/);

  await tabTo(page, "The same theft in the tutorial’s design");
  // It is loaded when somebody comes near, on foot as well.
  await page.locator("#inspector-token").waitFor();
  await tabTo(page, "A token, an Authorization header, or a curl line with one");
  await tabTo(page, "Take this page’s access token");
  await act(page, "Enter");
  // On a busy machine the token's time may have passed by now.
  await page.locator("#inspector").getByText(/A verifier (accepts|refuses) it/).first().waitFor();

  await tabTo(page, /^(POST|GET) /);
  await act(page, "Enter");
  await page.getByText("From a terminal").waitFor();
  await tabTo(page, /curl line/);
  await act(page, "Enter");
  await page.getByText("Copied", { exact: true }).waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl -i .*localhost/);

  assert.deepEqual((await traffic.to("POST", "/v1/sessions/refresh")).map(({ status }) => status), Array(7).fill(200));
  const told = (await heard()).join("\n");
  for (const sentence of [/A session is open/, /Generation 0 is spent/, /at once, or five: as designed/, /A verifier (accepts|refuses) it/, /Copied the curl line/]) {
    assert.match(told, sentence);
  }
  assert.deepEqual(troubles, []);
});

test("the focus stays where it is while an experiment goes step by step, and after it was cancelled", async (t) => {
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

test("each outcome of the pair is heard", async (t) => {
  const { page, heard } = await stage.open(t);
  const press = async (name) => {
    await page.locator("#pair").getByRole("button", { name, exact: true }).focus();
    await page.keyboard.press("Enter");
  };
  const hear = (sentence) => page.waitForFunction((text) => globalThis.heard.some((said) => said.includes(text)), sentence);

  await press("Open a session");
  await hear("A session is open");
  await press("Call the API");
  await hear("Let in.");
  await press("Sign out");
  await hear("Signed out");
  await press("Refresh");
  await hear("Refused, and the refresh token buys nothing any more");
  assert.equal(new Set(await heard()).size, (await heard()).length);
});

/** Goes on with Tab until something of that name has the focus; each stop on the way must be seen. */
async function tabTo(page, name) {
  const isMeant = (found) => (name instanceof RegExp ? name.test(found) : found.startsWith(name));
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press("Tab");
    const { name: found, isBody, isSeen } = await focused(page);
    assert.ok(!isBody, `the focus was lost on the way to ${name}`);
    assert.ok(isSeen, `nothing shows that the focus is at “${found}”`);
    if (isMeant(found)) return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}

/** A key for what has the focus. It may hand the focus on, but not lose it. */
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
