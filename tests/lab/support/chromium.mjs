// Debian's Chromium, and the lab opened in it as somebody's page.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { Traffic } from "./traffic.mjs";

const EXECUTABLE = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
/** What WCAG 2.2 asks for at its levels A and AA, by the names that axe has for it. */
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** Milliseconds for whatever must happen at all, on a busy machine too. */
const PATIENCE = 60_000;
/** What a browser says itself of each answer from 400 on; the page cannot prevent it. */
const OF_THE_BROWSER = /^Failed to load resource: /;

export async function launch(t) {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox"] });
  t.after(() => browser.close());
  return browser;
}

/**
 * A page with the lab, in a context of its own. `options` are a context's (`colorScheme`, `viewport`, `javaScriptEnabled`,
 * `reducedMotion` …). `troubles` collects what went wrong in it: errors, lines in its console, and requests that were not
 * for the server; `traffic` is all that went over the network.
 */
export async function openLab(t, browser, server, options = {}) {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], ...options });
  t.after(() => context.close());
  context.setDefaultTimeout(PATIENCE);
  const traffic = new Traffic(context);
  return { context, traffic, ...(await openTab(context, server)) };
}

/** One more tab of the same browser. */
export async function openTab(context, server) {
  const page = await context.newPage();
  await page.addInitScript(watch);
  const troubles = [];
  page.on("pageerror", ({ message }) => troubles.push(message));
  page.on("console", (message) => {
    if (!OF_THE_BROWSER.test(message.text())) troubles.push(`in the console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== server.url) troubles.push(`a request to ${request.url()}`);
  });
  await page.goto(`${server.url}/`);
  return {
    page,
    troubles,
    breaches: () => page.evaluate(() => globalThis.breaches),
    /** What was said to people who do not see the page, in order. */
    heard: () => page.evaluate(() => globalThis.heard),
  };
}

/** Runs in the page, before anything of its own. */
function watch() {
  globalThis.breaches = [];
  globalThis.heard = [];
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) => {
    globalThis.breaches.push(`${violatedDirective} forbids ${blockedURI} in ${sourceFile}`);
  });
  document.addEventListener("DOMContentLoaded", () => {
    for (const region of document.querySelectorAll("[aria-live=polite]")) {
      const listen = () => region.textContent && globalThis.heard.push(region.textContent);
      new MutationObserver(listen).observe(region, { childList: true, subtree: true, characterData: true });
    }
  });
}

/**
 * What axe finds wrong with the page as it stands: a line each, so that nothing found is an empty list. The browser puts
 * axe in by itself, so the page's policy stays as it is.
 */
export async function findings(page) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(await readFile(AXE, "utf8"));
  const { violations } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }), WCAG);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help} (${target.join(" ")})`));
}
