// Debian's Chromium, and the lab opened in it as somebody's page.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
/** What WCAG 2.2 asks for at its levels A and AA, by the names that axe has for it. */
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export async function launch(t) {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox"] });
  t.after(() => browser.close());
  return browser;
}

/**
 * A page with the lab, in a context of its own. `options` are a context's (`colorScheme`, `viewport`, `javaScriptEnabled`,
 * `reducedMotion` …). `troubles` collects what went wrong in it: errors, breaches of its policy, and requests that were
 * not for the server.
 */
export async function openLab(t, browser, server, options = {}) {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], ...options });
  t.after(() => context.close());
  // Put in by the browser itself, so the page's policy stays as it is.
  await context.addInitScript(await readFile(AXE, "utf8"));
  await context.addInitScript(() => {
    globalThis.breaches = [];
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) => {
      globalThis.breaches.push(`${violatedDirective} forbids ${blockedURI} in ${sourceFile}`);
    });
  });
  const page = await context.newPage();
  const troubles = [];
  page.on("pageerror", ({ message }) => troubles.push(message));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== server.url) troubles.push(`a request to ${request.url()}`);
  });
  await page.goto(`${server.url}/`);
  return { page, context, troubles, breaches: () => page.evaluate(() => globalThis.breaches) };
}

/** What axe finds wrong with the page as it stands: a line each, so that nothing found is an empty list. */
export async function findings(page) {
  const { violations } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }), WCAG);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help} (${target.join(" ")})`));
}
