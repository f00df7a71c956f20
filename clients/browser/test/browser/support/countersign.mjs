// A real server in a separate process, which can be restarted with the same data.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../../../../examples/harness/process.mjs";
import { pause } from "./pause.mjs";

const run = promisify(execFile);
const BINARY = resolve(process.env.COUNTERSIGN_BIN ?? join(import.meta.dirname, "../../../../../target/release/countersign"));
const READY_WITHIN = 30_000;

export const USERNAME = "john_doe";

export class Countersign {
  #directory;
  #env;
  #child;
  #output = "";
  /** The counts of earlier processes of this server. */
  #counted = {};

  /** Starts a server. `lifetime` is that of its access tokens, such as `4s`; `env` adds to its configuration. */
  static async start(t, lifetime, env = {}) {
    const server = new Countersign();
    server.#directory = await mkdtemp(join(tmpdir(), "countersign-browser-"));
    t.after(() => server.#remove());
    [server.port, server.managementPort] = [await freePort(), await freePort()];
    server.#env = {
      PATH: process.env.PATH,
      COUNTERSIGN_ACCESS_TOKEN__LIFETIME: lifetime,
      COUNTERSIGN_DATA_DIR: server.#directory,
      COUNTERSIGN_LISTEN: `127.0.0.1:${server.port}`,
      COUNTERSIGN_MANAGEMENT_LISTEN: `127.0.0.1:${server.managementPort}`,
      ...env,
    };
    await server.#spawn();
    server.url = `http://localhost:${server.port}`;
    server.password = (await readFile(join(server.#directory, "dev-password"), "utf8")).trim();
    return server;
  }

  /** Restarts the server. `refreshes` continues to count from before the restart. */
  async restart() {
    this.#counted = await this.refreshes();
    await this.#stop();
    await this.#spawn();
  }

  async rotateKeys() {
    await this.#command(["key", "rotate", "--now"]);
    this.#child.kill("SIGHUP");
  }

  addUser(name, password) {
    return this.#command(["user", "add", name, "--password-stdin"], password);
  }

  async session(id) {
    return JSON.parse(await this.#command(["session", "show", id, "--json"]));
  }

  /** Returns the number of refreshes by outcome, without outcomes that did not occur. */
  async refreshes() {
    const text = await (await fetch(`http://127.0.0.1:${this.managementPort}/metrics`)).text();
    const counts = { ...this.#counted };
    for (const [, outcome, count] of text.matchAll(/^countersign_refresh_total\{outcome="(\w+)"\} (\d+)$/gm)) {
      if (count !== "0") counts[outcome] = (counts[outcome] ?? 0) + Number(count);
    }
    return counts;
  }

  async #command(words, input = "") {
    const running = run(BINARY, words, { cwd: this.#directory, env: this.#env });
    // A command that reads no input may exit before this is written. Its exit status says whether it failed.
    running.child.stdin.on("error", () => {});
    running.child.stdin.end(input);
    return (await running).stdout;
  }

  async #spawn() {
    this.#output = "";
    this.#child = spawn(BINARY, ["serve", "--dev"], { cwd: this.#directory, env: this.#env });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.#output = (this.#output + text).slice(-20_000)));
    }
    const until = Date.now() + READY_WITHIN;
    while (!/Server is running on port/.test(this.#output)) {
      if (this.#child.exitCode !== null || Date.now() > until) throw new Error(`no server:\n${this.#output}`);
      await pause(10);
    }
  }

  async #stop() {
    if (this.#child.exitCode !== null) return;
    this.#child.kill("SIGTERM");
    await once(this.#child, "exit");
  }

  async #remove() {
    await this.#stop();
    await rm(this.#directory, { recursive: true });
  }
}
