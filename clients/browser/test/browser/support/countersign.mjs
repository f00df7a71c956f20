// A real server in a process of its own, which can be restarted over its data.
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
  /** What processes before the present one have counted. */
  #counted = {};

  /** Starts a server whose access tokens are valid for so long; `env` adds to its configuration. */
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

  /** The counts of its life go on. */
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

  /** How many refreshes ended in which way, the zeroes left out. */
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
