// Real token servers with one data directory. Each can have other settings, so that it issues other tokens.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Program, environment, freePort, run } from "./process.mjs";

const USERNAME = "jane";
const PASSWORD = "correct horse battery staple";
const NEW_KEY_WITHIN = 60_000;

const BUILT = join(import.meta.dirname, "../../target/release/countersign");
const BINARY = resolve(process.env.COUNTERSIGN_BIN ?? BUILT);

export class Countersign {
  #directory;
  #settings;
  #servers = [];

  /** `settings` apply to every server with this data directory, as environment variables without the prefix `COUNTERSIGN_`. */
  constructor(settings) {
    this.#settings = settings;
  }

  async create() {
    this.#directory = await mkdtemp(join(tmpdir(), "countersign-recipes-"));
    await this.command("init", this.#directory);
    await this.command("migrate");
    const claims = ["--claims", JSON.stringify({ id: 7 })];
    await this.command("user", "add", USERNAME, ...claims, "--password-stdin", { input: PASSWORD });
  }

  async command(...words) {
    const { input } = typeof words.at(-1) === "object" ? words.pop() : {};
    return run([BINARY, ...words], { cwd: this.#directory, env: variables(this.#settings), input });
  }

  async serve(settings = {}, port = undefined) {
    port ??= await freePort();
    const listen = { LISTEN: `127.0.0.1:${port}`, MANAGEMENT_LISTEN: "127.0.0.1:0" };
    const env = variables({ ...this.#settings, ...settings, ...listen });
    const program = new Program("countersign", [BINARY, "serve"], { cwd: this.#directory, env });
    const server = { program, port, url: `http://127.0.0.1:${port}`, stop: () => program.stop() };
    this.#servers.push(server);
    await program.says(/Server is running on port/);
    return server;
  }

  async remove() {
    await Promise.all(this.#servers.map((server) => server.stop()));
    if (this.#directory) await rm(this.#directory, { recursive: true });
  }
}

async function post(url, fields) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(fields) });
  if (!answer.ok) throw new Error(`${url} responded with ${answer.status}: ${await answer.text()}`);
  return answer;
}

const variables = (settings) =>
  environment(Object.fromEntries(Object.entries(settings).map(([key, value]) => [`COUNTERSIGN_${key}`, value])));

/** Signs the user in. Returns `{ accessToken, refreshToken }`. */
export async function signIn(server) {
  return (await post(`${server.url}/getTokens`, { username: USERNAME, password: PASSWORD })).json();
}

export async function signOut(server, { refreshToken }) {
  await post(`${server.url}/logout`, { refreshToken });
}

/** The server's introspection response for a token (RFC 7662). */
export async function introspect(server, { client_id, client_secret }, token) {
  const Authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}`;
  const body = new URLSearchParams({ token });
  return (await fetch(`${server.url}/oauth2/introspect`, { method: "POST", headers: { Authorization }, body })).json();
}

export async function accessToken(server) {
  return (await signIn(server)).accessToken;
}

export async function keySet(server) {
  return (await fetch(`${server.url}/.well-known/jwks.json`)).json();
}

/** Waits for a token that is signed with the new key. A server loads new keys every 30 seconds, and at once on SIGHUP. */
export async function accessTokenOfAnotherKey(server, oldKid, kidOf) {
  server.program.signal("SIGHUP");
  const until = Date.now() + NEW_KEY_WITHIN;
  for (;;) {
    const token = await accessToken(server);
    if (kidOf(token) !== oldKid) return token;
    if (Date.now() > until) throw new Error("the server still signs with the old key");
    await sleep(500);
  }
}
