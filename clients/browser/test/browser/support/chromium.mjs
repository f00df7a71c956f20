// Debian's Chromium, with tabs that share cookies, storage, locks and channels as a person's tabs do.
import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";

export async function launch(t) {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox"] });
  t.after(() => browser.close());
  return browser;
}

/** A person: a context of their own, in which tabs can be opened. */
export class Person {
  #browser;
  #site;
  #mode;

  static async meet(t, browser, site, mode) {
    const person = new Person();
    person.#browser = browser;
    person.#site = site;
    person.#mode = mode;
    person.context = await browser.newContext();
    t.after(() => person.context.close());
    return person;
  }

  async open(query = "") {
    const page = await this.context.newPage();
    await page.goto(`${this.#site.url}/page?mode=${this.#mode}${query}`);
    await page.waitForFunction(() => window.session && window.session.state !== "unknown");
    return new Tab(page);
  }

  async openMany(count) {
    return Promise.all(Array.from({ length: count }, () => this.open()));
  }

  /** The refresh token in the browser's jar, which no script can read. */
  async cookie() {
    const cookies = await this.context.cookies(this.#site.url);
    return cookies.find(({ name }) => name === "__Host-countersign");
  }
}

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

  /** What a request of this tab is answered, or why there is no answer. */
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

export const looks = (tabs) => Promise.all(tabs.map((tab) => tab.look()));
