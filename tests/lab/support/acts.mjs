// Actions of a user on the page.

const pair = (page) => page.locator("#pair");

export async function openSession(page, options) {
  await pair(page).getByRole("button", { name: /^Open (a|another) session$/ }).click(options);
  await pair(page).getByRole("heading", { name: "Refresh token" }).waitFor(options);
}

/** Presses a button of the token pair, waits for the page's message about the response, and returns it. */
export async function press(page, name) {
  const answer = pair(page).locator(".outcome");
  const before = await answer.elementHandle();
  const said = await before.innerHTML();
  await pair(page).getByRole("button", { name, exact: true }).click();
  await page.waitForFunction(([node, text]) => node.innerHTML !== text, [before, said]);
  return answer.innerText();
}

export const experimentOf = (page, id) => page.locator(`[data-experiment="${id}"]`);

/** Opens an experiment and waits until it has loaded. */
export async function unfold(page, id) {
  const experiment = experimentOf(page, id);
  await experiment.locator("> summary").click();
  await experiment.locator("[data-action=all]").waitFor();
  return experiment;
}

/** Runs an experiment, or its remaining steps, and returns its outcome. */
export async function runAll(experiment) {
  await experiment.locator("[data-action=all]").click();
  return outcomeOf(experiment);
}

export async function outcomeOf(experiment) {
  await experiment.and(experiment.page().locator("[data-outcome]")).waitFor();
  return experiment.getAttribute("data-outcome");
}

/** Runs one step of an experiment, and waits until it is done. */
export async function runOne(experiment, number) {
  await experiment.locator("[data-action=one]").click();
  await experiment.locator(`[data-step="${number}"][data-state=done]`).waitFor();
}

/** Scrolls to the inspector, which loads it, and returns its field for tokens. */
export async function inspectorField(page) {
  await page.locator("#inspector").scrollIntoViewIfNeeded();
  const field = page.locator("#inspector-token");
  await field.waitFor();
  return field;
}

/** Fills the inspector's field with a text. */
export async function inspect(page, text) {
  await (await inspectorField(page)).fill(text);
}

/** Replaces the content of a field with a text from the clipboard, by keyboard. */
export async function paste(page, field, text) {
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await field.focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+V");
}
