// One server and one browser for all tests of a file.
import { after, before } from "node:test";
import { launch, openLab } from "./chromium.mjs";
import { startServer } from "./server.mjs";

export class Stage {
  server;
  browser;
  #endings = [];

  /** Is set up before the first test of the file, `prepare` with it, and taken down after the last. */
  constructor(prepare = async () => {}) {
    before(async () => {
      this.server = await startServer(this);
      this.browser = await launch(this);
      await prepare(this);
    });
    after(async () => {
      for (const end of this.#endings) await end();
    });
  }

  /** As a test's: for what lives as long as the stage. */
  after(end) {
    this.#endings.unshift(end);
  }

  /** The lab, as `openLab` opens it; `at` another address than the server's own. */
  open(t, options, at = this.server) {
    return openLab(t, this.browser, at, options);
  }
}
