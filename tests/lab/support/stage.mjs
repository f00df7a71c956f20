// One server and one browser for all tests of a file.
import { after, before } from "node:test";
import { launch, openLab } from "./chromium.mjs";
import { startServer } from "./server.mjs";

export class Stage {
  server;
  browser;
  #endings = [];

  /** Starts the server and the browser and runs `prepare` before the first test of the file, and stops both after the last. */
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

  /** Like a test context's `after`: registers a function that runs when the stage is stopped. */
  after(end) {
    this.#endings.unshift(end);
  }

  /** Opens the lab with `openLab`; `at` may have another `url` than the server, for example that of a `Wire`. */
  open(t, options, at = this.server) {
    return openLab(t, this.browser, at, options);
  }
}
