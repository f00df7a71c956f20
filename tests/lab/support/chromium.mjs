// Starts Debian's Chromium, and opens the lab in it.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { Traffic } from "./traffic.mjs";

const EXECUTABLE = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
/** The axe tags for the rules of WCAG 2.2 at levels A and AA. */
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** The default timeout in milliseconds, long enough for a busy machine. */
const PATIENCE = 60_000;
/** The browser logs this for each response with a status from 400 on, and the page cannot prevent it. */
const OF_THE_BROWSER = /^Failed to load resource: /;

export async function launch(t) {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox"] });
  t.after(() => browser.close());
  return browser;
}

/**
 * Opens the lab in a new browser context. `options` are those of the context (`colorScheme`, `viewport`, `javaScriptEnabled`,
 * `reducedMotion` …). `troubles` collects errors, console messages, and requests to other origins than the server's.
 * `traffic` records all requests.
 */
export async function openLab(t, browser, server, options = {}) {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], ...options });
  t.after(() => context.close());
  context.setDefaultTimeout(PATIENCE);
  const traffic = new Traffic(context);
  return { context, traffic, ...(await openTab(context, server)) };
}

/** Opens another tab in the same context. */
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
    /** The announcements to screen readers, in order. */
    heard: () => page.evaluate(() => globalThis.heard),
  };
}

/** Runs in the page before the page's own scripts. */
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
 * The accessibility problems that axe finds in the page's current state, one line each. Playwright injects axe through the
 * browser's debugging protocol, so the page's Content-Security-Policy does not have to allow it.
 */
export async function findings(page) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(await readFile(AXE, "utf8"));
  const { violations } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }), WCAG);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help} (${target.join(" ")})`));
}
