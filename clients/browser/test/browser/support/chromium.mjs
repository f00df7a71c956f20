// Debian's Chromium, in which the tabs of one person share cookies, storage, locks and channels.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const LAUNCH = { executablePath: EXECUTABLE, args: ["--no-sandbox"] };
/** The Chromium setting "block all site data", which denies cookies, storage and locks. */
const BLOCKED = { profile: { default_content_setting_values: { cookies: 2 } } };

export async function launch(t) {
  const browser = await chromium.launch(LAUNCH);
  t.after(() => browser.close());
  return browser;
}

/** A separate browser context, in which tabs can be opened. */
export class Person {
  #browser;
  #site;
  #mode;

  static async create(t, browser, site, mode) {
    const person = new Person();
    person.#browser = browser;
    person.#site = site;
    person.#mode = mode;
    person.context = await browser.newContext();
    t.after(() => person.context.close());
    return person;
  }

  /** Creates a person whose browser blocks all site data. */
  static async createWithoutSiteData(t, site, mode) {
    const directory = await mkdtemp(join(tmpdir(), "countersign-chromium-"));
    await mkdir(join(directory, "Default"));
    await writeFile(join(directory, "Default/Preferences"), JSON.stringify(BLOCKED));
    const person = new Person();
    person.#site = site;
    person.#mode = mode;
    person.context = await chromium.launchPersistentContext(directory, LAUNCH);
    t.after(async () => {
      await person.context.close();
      await rm(directory, { recursive: true, force: true });
    });
    return person;
  }

  async open(query = "", { url } = this.#site) {
    const page = await this.context.newPage();
    const warnings = warningsOf(page);
    await page.goto(`${url}/page?mode=${this.#mode}${query}`);
    await page.waitForFunction(() => window.session && window.session.state !== "unknown");
    return Object.assign(new Tab(page), { warnings });
  }

  /** Opens the page in a sandboxed frame, and records the errors that its script throws. */
  async openFrame(query = "") {
    const page = await this.context.newPage();
    const [warnings, errors] = [warningsOf(page), []];
    page.on("pageerror", ({ message }) => errors.push(message));
    await page.goto(`${this.#site.url}/frame?mode=${this.#mode}${query}`);
    const [, frame] = page.frames();
    await frame.waitForLoadState();
    return Object.assign(new Tab(frame), { warnings, errors });
  }

  async openMany(count) {
    return Promise.all(Array.from({ length: count }, () => this.open()));
  }

  /** Returns the cookie that holds the refresh token. Scripts cannot read it. */
  async cookie() {
    const cookies = await this.context.cookies(this.#site.url);
    return cookies.find(({ name }) => name === "__Host-countersign");
  }
}

/** A page, or a frame in one. */
export class Tab {
  constructor(page) {
    this.page = page;
  }

  signIn(username, password) {
    return this.page.evaluate((credentials) => window.session.signIn(credentials), { username, password });
  }

  signOut() {
    return this.page.evaluate(() => window.session.signOut());
  }

  work() {
    return this.page.evaluate(() => void window.work());
  }

  /** Sends a request from this tab. Returns the status or the error's code, and the time that it took. */
  ask(url = "/v1/users/me") {
    return this.page.evaluate(async (at) => {
      const began = performance.now();
      const answer = await window.session.fetch(at).then(({ status }) => status, ({ code, name }) => code ?? name);
      return { answer, took: performance.now() - began };
    }, url);
  }

  look() {
    return this.page.evaluate(() => {
      const { state, reason, user } = window.session;
      const { changes, answers } = window;
      return { state, reason, user, changes, answers };
    });
  }
}

/** Returns the list of warnings that the module writes to the page's console. */
function warningsOf(page) {
  const warnings = [];
  page.on("console", (message) => {
    if (message.type() === "warning" && /^countersign-browser/.test(message.text())) warnings.push(message.text());
  });
  return warnings;
}

export const looks = (tabs) => Promise.all(tabs.map((tab) => tab.look()));
