// The traffic between a page and its server, recorded from the browser and the server, independently of the page's scripts.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** The requests of a browser context. */
export class Traffic {
  #requests = [];

  constructor(context) {
    context.on("request", (request) => this.#requests.push(request));
  }

  /** All requests, each as one text of method, URL, headers and body. */
  async texts() {
    return Promise.all(
      this.#requests.map(async (request) =>
        [request.method(), request.url(), JSON.stringify(await request.allHeaders()), request.postData() ?? ""].join("\n"),
      ),
    );
  }

  get urls() {
    return this.#requests.map((request) => request.url());
  }

  /** The `fetch` requests to a path, in order: `{ token, sent, status, json }`; `token` is the bearer token. */
  async to(method, path) {
    const isMeant = (request) =>
      request.resourceType() === "fetch" && request.method() === method && new URL(request.url()).pathname === path;
    return Promise.all(this.#requests.filter(isMeant).map(exchange));
  }
}

async function exchange(request) {
  const answer = await request.response();
  const text = await answer.text();
  const [, token] = /^Bearer (.*)$/.exec((await request.allHeaders()).authorization ?? "") ?? [];
  const body = request.postData();
  return { token, sent: body && parse(body), status: answer.status(), json: text ? parse(text) : null };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Milliseconds within which the server must send the events. */
const TOLD_WITHIN = 10_000;

/** The first `count` events of a session, such as `"rotated 0 → 1"` or `"revoked: signed_out"`. */
export async function eventsOf({ url }, sessionId, count) {
  const stream = await fetch(`${url}/v1/lab/events`, { signal: AbortSignal.timeout(TOLD_WITHIN) });
  const told = [];
  let rest = "";
  for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const [, data] = /^data: ?(.*)$/m.exec(block) ?? [];
      const event = data && JSON.parse(data);
      if (event?.session_id === sessionId) told.push(inShort(event));
    }
    if (told.length >= count) return told;
  }
  throw new Error(`the stream ended after ${told.join(", ")}`);
}

function inShort({ event, presented, generation, reason }) {
  if (event === "opened") return event;
  return event === "revoked" ? `revoked: ${reason}` : `${event} ${presented} → ${generation}`;
}

/** A TCP proxy between a browser and the server. It can cut connections, and drop responses that the server has sent. */
export class Wire {
  isLosing = false;
  #isCut = false;
  #port;
  #sockets = new Set();
  #listener;

  static async open(t, { port }) {
    const wire = new Wire();
    wire.#port = port;
    wire.#listener = createServer((socket) => wire.#forward(socket)).listen(0, "127.0.0.1");
    await once(wire.#listener, "listening");
    wire.url = `http://localhost:${wire.#listener.address().port}`;
    t.after(() => {
      wire.#listener.close();
      wire.cut();
    });
    return wire;
  }

  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  repair() {
    this.#isCut = false;
    this.isLosing = false;
  }

  #forward(near) {
    if (this.#isCut) return near.destroy();
    const far = connect(this.#port, "127.0.0.1");
    const ends = [near, far];
    for (const end of ends) {
      this.#sockets.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        this.#sockets.delete(end);
        ends.forEach((other) => other.destroy());
      });
    }
    near.pipe(far);
    far.on("data", (bytes) => (this.isLosing ? near.destroy() : near.write(bytes)));
    return undefined;
  }
}
