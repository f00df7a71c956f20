// An issuer for tests. It publishes keys, signs tokens and serves the revocation list as a stream and as pages. Tests set its
// fields at any time to change its responses, also to invalid ones.
import { once } from "node:events";
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import { CompactSign, SignJWT, exportJWK, generateKeyPair } from "jose";

export const AUDIENCE = "https://api.example";
const DEFAULT_ALGORITHM = "ES256";

let sessionCount = 0;

/** A new session id: a UUID of version 7 that is later than the one before. */
export function sessionId() {
  sessionCount += 1;
  const time = (1_700_000_000_000 + sessionCount).toString(16).padStart(12, "0");
  const random = randomBytes(10).toString("hex");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(1, 4)}-8${random.slice(5, 8)}-${random.slice(8, 20)}`;
}

export const seconds = () => Math.floor(Date.now() / 1000);

/** A new key pair with its `kid`, its algorithm and the JWK that is published. */
export async function signingKey(kid, alg = DEFAULT_ALGORITHM) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), use: "sig", alg, kid };
  return { kid, alg, publicKey, privateKey, jwk };
}

export class FakeIssuer {
  keys = [];
  /** Entries with their cursors, oldest first. */
  list = [];
  streams = new Set();
  keyRequests = 0;
  streamRequests = [];
  listRequests = [];
  /** Whether `/revocations` serves pages, in addition to the stream. */
  servesList = false;
  /** Whether the stream sends nothing. */
  isSilent = false;
  /** Milliseconds between heartbeats; 5,000 on the real server. */
  heartbeat = 50;
  /** Entries of a page, as on the real server. */
  pageLength = 1000;
  /** Handlers that replace the default ones. */
  keysHandler = undefined;
  streamHandler = undefined;
  listHandler = undefined;
  /** Changes to the claims and the header of each page. */
  pageClaims = {};
  pageHeader = {};
  /** Functions that change the JSON of each page before it is signed, and the signed page. */
  rewritePageJson = (text) => text;
  rewritePageToken = (token) => token;

  #server;
  #sockets = new Set();
  #timer;

  static async start(options = {}) {
    const issuer = Object.assign(new FakeIssuer(), options);
    if (issuer.keys.length === 0) issuer.keys = [await signingKey("first")];
    await issuer.listen(0);
    return issuer;
  }

  /** The address, which is also the default `iss` of tokens. */
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get active() {
    return this.keys.at(-1);
  }

  get cursor() {
    return this.list.at(-1)?.cursor ?? "0-000000000000";
  }

  async listen(port = this.port) {
    this.#server = createServer((request, response) => this.#respond(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
    this.#timer = setInterval(() => this.sendHeartbeats(), this.heartbeat);
  }

  /** Stops the server and closes all connections. */
  async stop() {
    clearInterval(this.#timer);
    const closed = once(this.#server, "close");
    this.#server.close();
    this.dropConnections();
    await closed;
  }

  dropConnections() {
    for (const socket of this.#sockets) socket.destroy();
  }

  async token({ claims = {}, header = {}, key = this.active } = {}) {
    const all = { ...this.claims(), ...claims };
    return new SignJWT(defined(all))
      .setProtectedHeader(defined({ alg: key.alg, typ: "at+jwt", kid: key.kid, ...header }))
      .sign(key.privateKey);
  }

  claims() {
    const now = seconds();
    return {
      iss: this.url,
      aud: AUDIENCE,
      sub: "1",
      exp: now + 900,
      iat: now,
      jti: randomBytes(16).toString("base64url"),
      client_id: "first-party",
      scope: "orders:read orders:write",
      sid: sessionId(),
      username: "john_doe",
    };
  }

  /** Adds an entry to the list and sends it to every follower. */
  async revoke(entry) {
    const cursor = `${this.list.length + 1}-${randomBytes(6).toString("hex")}`;
    this.list.push({ cursor, entry: { exp: seconds() + 960, ...entry } });
    await this.sendHeartbeats();
  }

  /** Sends every follower the entries after its cursor, or an empty page if there are none. */
  async sendHeartbeats() {
    if (this.isSilent) return;
    await Promise.all([...this.streams].map((stream) => this.#send(stream)));
  }

  /** The signed page after a cursor, with changes to its claims. */
  async page(after, changes = this.pageClaims) {
    const known = this.list.findIndex(({ cursor }) => cursor === after);
    const isKnown = known >= 0 || (after !== null && after === this.cursor);
    const start = known + 1;
    const entries = this.list.slice(start, start + this.pageLength);
    const now = seconds();
    const claims = {
      iss: this.url,
      aud: this.url,
      iat: now,
      exp: now + 60,
      after: isKnown ? after : null,
      cursor: entries.at(-1)?.cursor ?? this.cursor,
      more: start + entries.length < this.list.length,
      revocations: entries.map(({ entry }) => entry),
      ...changes,
    };
    const { kid, alg, privateKey } = this.active;
    const payload = Buffer.from(this.rewritePageJson(JSON.stringify(defined(claims))));
    const token = await new CompactSign(payload)
      .setProtectedHeader(defined({ alg, typ: "revocations+jwt", kid, ...this.pageHeader }))
      .sign(privateKey);
    return { text: this.rewritePageToken(token), claims };
  }

  #respond(request, response) {
    if (request.url === "/.well-known/jwks.json") return this.#serveKeys(request, response);
    if (request.url === "/revocations/stream") return this.#serveStream(request, response);
    if (this.servesList && request.url.startsWith("/revocations")) return this.#serveList(request, response);
    return response.writeHead(404).end();
  }

  #serveKeys(request, response) {
    this.keyRequests += 1;
    if (this.keysHandler) return this.keysHandler(request, response);
    return response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) }));
  }

  async #serveList(request, response) {
    const after = new URL(request.url, this.url).searchParams.get("after");
    this.listRequests.push(after);
    if (this.listHandler) return this.listHandler(request, response);
    const { text } = await this.page(after);
    return response.writeHead(200, { "content-type": "application/revocations+jwt" }).end(text);
  }

  #serveStream(request, response) {
    const after = request.headers["last-event-id"] ?? null;
    this.streamRequests.push(after);
    if (this.streamHandler) return this.streamHandler(request, response);
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
    const stream = { response, cursor: after, sending: Promise.resolve() };
    this.streams.add(stream);
    response.on("close", () => this.streams.delete(stream));
    if (!this.isSilent) this.#send(stream);
    return undefined;
  }

  /** Sends pages in order on each stream, until the last one. */
  #send(stream) {
    const next = async () => {
      for (let more = true; more;) {
        const { text, claims } = await this.page(stream.cursor);
        stream.response.write(`event: revocations\nid: ${claims.cursor}\ndata: ${text}\n\n`);
        stream.cursor = claims.cursor;
        more = claims.more;
      }
    };
    stream.sending = stream.sending.then(next);
    return stream.sending;
  }
}

/** Removes the members that a test has set to `undefined`. */
function defined(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
