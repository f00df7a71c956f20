// The rules of WCAG 2.2 AA that axe can check, in each state of the page, in both colour schemes, at phone and desktop width.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect, openSession, press, runAll, unfold } from "../support/acts.mjs";
import { findings } from "../support/chromium.mjs";
import { Stage } from "../support/stage.mjs";

const WIDTHS = [360, 1_440];
const HEIGHT = 900;

const stage = new Stage();

describe("axe finds nothing", { concurrency: true }, () => {
  for (const width of WIDTHS) {
    for (const colorScheme of ["light", "dark"]) {
      test(`${width} pixels wide, ${colorScheme}`, async (t) => {
        const options = { viewport: { width, height: HEIGHT }, colorScheme, reducedMotion: "reduce" };
        const { page } = await stage.open(t, options);
        for (const [state, reach] of Object.entries(STATES)) {
          await reach(page);
          assert.deepEqual(await findings(page), [], state);
        }
      });
    }
  }

  // axe needs JavaScript, so this test checks only the headings and the language.
  test("without JavaScript, the headings are in order and the language is set", async (t) => {
    const { page } = await stage.open(t, { javaScriptEnabled: false });
    assert.deepEqual(await headings(page), [1, 2, 3, 3, 3, 3, 3, 3]);
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
  });
});

/** Each state, and how to reach it from the one before. */
const STATES = {
  "at first": async (page) => page.getByText("connected", { exact: true }).waitFor(),
  "with a pair": async (page) => {
    await openSession(page);
    await press(page, "Refresh");
    await page.locator("#pair details").evaluateAll((folds) => folds.forEach((fold) => (fold.open = true)));
  },
  "with an experiment open": async (page) => unfold(page, "two-tabs"),
  "with an experiment finished": async (page) => {
    await runAll(page.locator('[data-experiment="two-tabs"]'));
    await page.locator('[data-experiment="two-tabs"]').getByText("What the server recorded").click();
  },
  "with a valid token in the inspector": async (page) => {
    // The token may have expired during the previous checks.
    await press(page, "Refresh");
    await page.getByRole("button", { name: "Inspect it below" }).click();
    await page.locator("#inspector").getByText("A verifier accepts the token").first().waitFor();
  },
  "with an invalid token in the inspector": async (page) => {
    await inspect(page, "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.");
    await page.locator("#inspector").getByText("A verifier rejects the token").first().waitFor();
    await page.getByLabel("A key that I paste").check();
  },
  "with a call open, and the session revoked": async (page) => {
    await press(page, "Sign out");
    await press(page, "Refresh");
    await page.locator("#calls summary").first().click();
  },
};

const headings = (page) =>
  page.locator("h1, h2, h3").filter({ visible: true }).evaluateAll((nodes) => nodes.map(({ tagName }) => Number(tagName[1])));
