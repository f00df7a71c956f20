// A site with a page that uses the module, and a proxy to the server on the same origin. If a test asks for it, the proxy
// loses responses that the server has sent, delays them, or replaces them.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import { pause } from "./pause.mjs";

const MODULE = new URL("../../../index.js", import.meta.url);
const PAGE = new URL("./page.html", import.meta.url);
const REFRESH = "/v1/sessions/refresh";
const CORS_HEADERS = {
  "access-control-allow-origin": "null",
  "access-control-allow-headers": "authorization, content-type",
  "access-control-allow-methods": "GET, POST, DELETE",
};

export class Site {
  /** The requests in order of arrival: `{ path, method, authorization, kid }`. */
  requests = [];
  /** The share of responses to refreshes that get lost, from 0 to 1. */
  lossRate = 0;
  lost = 0;
  /** Milliseconds by which responses to refreshes are delayed. */
  delay = 0;
  /** `({ path, method }) => { status, headers, body } or undefined`: replaces the response of the server. */
  override = () => undefined;
  /** Whether the site closes connections instead of forwarding requests. */
  isCut = false;
  /** Whether pages of opaque origins, such as sandboxed frames, may use the server through this site. */
  allowsFrames = false;
  #server;
  #chance = randomNumbers(2_024);
  #underWay = 0;
  #refreshing = 0;
  /** The largest number of simultaneous refreshes. */
  refreshesAtOnce = 0;

  /** Without a server, the site only serves its own files. */
  static async start(t, { port } = {}) {
    const site = new Site();
    site.upstream = port;
    site.#server = createServer((request, response) => site.#answer(request, response));
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    site.url = `http://localhost:${site.#server.address().port}`;
    t.after(() => {
      site.#server.close();
      site.#server.closeAllConnections();
    });
    return site;
  }

  count(path, method = "POST") {
    return this.requests.filter((request) => request.path === path && request.method === method).length;
  }

  get refreshes() {
    return this.count(REFRESH);
  }

  get kids() {
    return new Set(this.requests.map(({ kid }) => kid).filter(Boolean));
  }

  /** Cuts the connection to the server, and waits until the requests in progress have ended. */
  async cut() {
    this.isCut = true;
    while (this.#underWay > 0) await pause(5);
  }

  async #answer(request, response) {
    const [path, query] = request.url.split("?");
    if (this.allowsFrames) {
      response.setHeaders(new Map(Object.entries(CORS_HEADERS)));
      for (const name of ["origin", "sec-fetch-site"]) delete request.headers[name];
      if (request.method === "OPTIONS") return response.writeHead(204).end();
    }
    if (path === "/frame") return send(response, "text/html", frame(query));
    if (path === "/page") return send(response, "text/html", await readFile(PAGE));
    if (path === "/index.js") return send(response, "text/javascript", await readFile(MODULE));
    if (path === "/elsewhere") return response.writeHead(307, { location: this.elsewhere }).end();
    const { authorization } = request.headers;
    this.requests.push({ path, method: request.method, authorization, kid: kidOf(authorization) });
    if (this.isCut) return request.socket.destroy();
    const other = this.override({ path, method: request.method });
    if (other) return response.writeHead(other.status, other.headers).end(other.body ?? "{}");
    const isRefresh = path === REFRESH;
    this.#underWay += 1;
    this.#refreshing += isRefresh ? 1 : 0;
    this.refreshesAtOnce = Math.max(this.refreshesAtOnce, this.#refreshing);
    try {
      await this.#forward(request, response, isRefresh);
    } finally {
      this.#underWay -= 1;
      this.#refreshing -= isRefresh ? 1 : 0;
    }
    return undefined;
  }

  async #forward(request, response, isRefresh) {
    const { url: path, method, headers } = request;
    const host = `localhost:${this.upstream}`;
    const options = { port: this.upstream, host: "127.0.0.1", path, method, headers: { ...headers, host } };
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const forwarded = forward(options).end(Buffer.concat(chunks));
    const answers = await once(forwarded, "response").catch(() => []);
    const [answer] = answers;
    if (!answer) return request.socket.destroy();
    const body = await answer.toArray();
    // The server has rotated the refresh token by now.
    if (isRefresh && this.delay > 0) await pause(this.delay);
    if (isRefresh && this.#chance() < this.lossRate) {
      this.lost += 1;
      return request.socket.destroy();
    }
    return response.writeHead(answer.statusCode, answer.headersDistinct).end(Buffer.concat(body));
  }
}

/** Starts another origin, which records the `Authorization` headers of its requests. */
export async function anotherOrigin(t) {
  const seen = [];
  const server = createServer((request, response) => {
    seen.push({ method: request.method, authorization: request.headers.authorization });
    const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
    response.writeHead(200, headers).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://localhost:${server.address().port}`, seen };
}

/** The page in a sandboxed frame, whose origin is opaque. */
const frame = (query) => `<!doctype html><iframe sandbox="allow-scripts" src="/page?${query}"></iframe>`;

const send = (response, type, body) => response.writeHead(200, { "content-type": type }).end(body);

/** Returns a function that yields numbers from 0 to 1, the same in each run (mulberry32). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function kidOf(authorization) {
  const [, header] = /^Bearer ([\w-]+)\./.exec(authorization ?? "") ?? [];
  return header && JSON.parse(Buffer.from(header, "base64url")).kid;
}
