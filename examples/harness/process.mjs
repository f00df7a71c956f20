// Starts programs for the tests, waits until they print that they are ready, and stops them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const READY_WITHIN = 60_000;
const ENDS_WITHIN = 10_000;

/** The environment of a program under test. It has few of the caller's variables, so that they do not affect the tests. */
export function environment(more = {}) {
  const { PATH, HOME, JAVA_HOME } = process.env;
  return { PATH, HOME, ...(JAVA_HOME && { JAVA_HOME }), ...more };
}

export class Program {
  #child;
  #output = "";

  constructor(name, [command, ...rest], { cwd, env }) {
    this.name = name;
    this.#child = spawn(command, rest, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const keep = (text) => (this.#output = (this.#output + text).slice(-20_000));
    this.#child.stdout.setEncoding("utf8").on("data", keep);
    this.#child.stderr.setEncoding("utf8").on("data", keep);
    this.#child.on("error", (error) => keep(`${error.message}\n`));
  }

  get output() {
    return this.#output;
  }

  get ended() {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until the program's output matches `pattern`, and returns the match. */
  async says(pattern) {
    const until = Date.now() + READY_WITHIN;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match) return match;
      if (this.ended) throw new Error(`${this.name} ended before it was ready:\n${this.#output}`);
      if (Date.now() > until) throw new Error(`${this.name} was not ready in time:\n${this.#output}`);
      await sleep(20);
    }
  }

  signal(name) {
    this.#child.kill(name);
  }

  async stop() {
    if (this.ended) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), ENDS_WITHIN);
    await exit;
    clearTimeout(killer);
  }
}

/** Runs a command until it exits, and returns its output. Throws an error with the output if the exit code is not 0. */
export async function run([command, ...rest], { cwd, env, input = "" } = {}) {
  const child = spawn(command, rest, { cwd, env, stdio: "pipe" });
  let output = "";
  const keep = (text) => (output += text);
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  child.stdin.on("error", () => {}).end(input);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${[command, ...rest].join(" ")} exited with ${code}:\n${output}`);
  return output;
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

export async function accepts(port) {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
}
