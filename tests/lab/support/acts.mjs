// What people do on the page.

const pair = (page) => page.locator("#pair");

export async function openSession(page, options) {
  await pair(page).getByRole("button", { name: /^Open (a session|another)$/ }).click(options);
  await pair(page).getByRole("heading", { name: "Refresh token" }).waitFor(options);
}

/** Presses a button of the pair, and waits for what the page makes of the answer. */
export async function press(page, name) {
  const answer = pair(page).locator(".outcome");
  const before = await answer.elementHandle();
  const said = await before.innerHTML();
  await pair(page).getByRole("button", { name, exact: true }).click();
  await page.waitForFunction(([node, text]) => node.innerHTML !== text, [before, said]);
  return answer.innerText();
}

export const experimentOf = (page, id) => page.locator(`[data-experiment="${id}"]`);

/** Unfolds an experiment. */
export async function unfold(page, id) {
  const experiment = experimentOf(page, id);
  await experiment.locator("> summary").click();
  await experiment.locator("[data-action=all]").waitFor();
  return experiment;
}

/** Runs an experiment, or the rest of it, and answers its outcome. */
export async function runAll(experiment) {
  await experiment.locator("[data-action=all]").click();
  return outcomeOf(experiment);
}

export async function outcomeOf(experiment) {
  await experiment.and(experiment.page().locator("[data-outcome]")).waitFor();
  return experiment.getAttribute("data-outcome");
}

/** Lets the server take one step of an experiment, and waits until it is done. */
export async function runOne(experiment, number) {
  await experiment.locator("[data-action=one]").click();
  await experiment.locator(`[data-step="${number}"][data-state=done]`).waitFor();
}

/** Scrolls to the inspector, which is loaded when it is seen, and answers where tokens go. */
export async function inspectorField(page) {
  await page.locator("#inspector").scrollIntoViewIfNeeded();
  const field = page.locator("#inspector-token");
  await field.waitFor();
  return field;
}

/** Lets the page inspect a text, as if it had been typed. */
export async function inspect(page, text) {
  await (await inspectorField(page)).fill(text);
}

/** As people do it, from the clipboard, in place of what was there. */
export async function paste(page, field, text) {
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await field.focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+V");
}
