// WCAG 2.2 AA as far as a program can tell, in each state, in both colour schemes, on a telephone and on a desk.
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

  test("without JavaScript, where only a reader of markup can look", async (t) => {
    const { page } = await stage.open(t, { javaScriptEnabled: false });
    assert.deepEqual(await headings(page), [1, 2, 3, 3, 3, 3, 3, 3]);
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
  });
});

/** How to get from one to the next. */
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
    await page.locator('[data-experiment="two-tabs"]').getByText("What the server noted").click();
  },
  "with a good token in the inspector": async (page) => {
    // Its time may have passed while axe was looking.
    await press(page, "Refresh");
    await page.getByRole("button", { name: "Take it apart below" }).click();
    await page.locator("#inspector").getByText("A verifier accepts it").first().waitFor();
  },
  "with a bad token in the inspector": async (page) => {
    await inspect(page, "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.");
    await page.locator("#inspector").getByText("A verifier refuses it").first().waitFor();
    await page.getByLabel("A key that I paste").check();
  },
  "with a call open, and the session over": async (page) => {
    await press(page, "Sign out");
    await press(page, "Refresh");
    await page.locator("#calls summary").first().click();
  },
};

const headings = (page) =>
  page.locator("h1, h2, h3").filter({ visible: true }).evaluateAll((nodes) => nodes.map(({ tagName }) => Number(tagName[1])));
