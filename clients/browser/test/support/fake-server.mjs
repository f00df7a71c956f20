// A simulated server. For ten seconds it returns the same successor for a spent refresh token; after that, a spent token
// ends its session. It responds without delay, loses responses when a test says so, and records all requests.
const GRACE = 10_000;

export const sessionId = (number) => `0190a000-0000-7000-8000-${String(number).padStart(12, "0")}`;

export class FakeServer {
  lifetime = 900;
  requests = [];
  sessions = new Map();
  /** How many responses to refreshes get lost after the server has processed the request. */
  losses = 0;
  /** Whether requests fail before they reach the server. */
  isDown = false;
  /** `(request) => answer or undefined`: replaces the server's normal response. */
  override = () => undefined;
  /** Milliseconds until a response arrives. */
  latency = 0;
  #clock;

  constructor(clock) {
    this.#clock = clock;
  }

  count(path, method = "POST") {
    return this.requests.filter((request) => request.path === path && request.method === method).length;
  }

  get refreshes() {
    return this.count("/v1/sessions/refresh");
  }

  /** `jar` holds the browser's cookie. */
  async answer(request, jar) {
    this.requests.push({ ...request, at: this.#clock.now });
    if (this.isDown) throw new TypeError("Failed to fetch");
    const answer = this.override(request) ?? this.#route(request, jar);
    const isLost = request.path === "/v1/sessions/refresh" && this.losses > 0;
    if (isLost) this.losses -= 1;
    if (this.latency > 0) await new Promise((resolve) => this.#clock.setTimeout(resolve, this.latency));
    if (isLost) throw new TypeError("Failed to fetch");
    if (answer.cookie !== undefined) jar.token = answer.cookie;
    return answer;
  }

  #route({ method, path, body, access }, jar) {
    if (method === "POST" && path === "/v1/sessions") return this.#signIn(body);
    if (method === "POST" && path === "/v1/sessions/refresh") return this.#refresh(body, jar);
    if (method === "POST" && path === "/logout") return this.#end(body.refreshToken.split(" ")[0]);
    if (method === "DELETE") return this.#isValid(access) ? this.#end(path.split("/").at(-1)) : problem(401, "invalid_token");
    return this.#isValid(access) ? { status: 200, body: { path, method, sent: body } } : problem(401, "invalid_token");
  }

  #signIn({ username, password, token_mode }) {
    if (password !== "right") return problem(401, "invalid_credentials");
    const id = sessionId(this.sessions.size + 1);
    this.sessions.set(id, { id, username, generation: 0, spentAt: -Infinity, isLive: true });
    return this.#pair(id, token_mode === "cookie", 201);
  }

  #refresh(body, jar) {
    const isCookie = !body;
    if (isCookie && !jar.token) return problem(400, "malformed_request");
    const [id, generation] = (isCookie ? jar.token : body.refresh_token).split(" ");
    const session = this.sessions.get(id);
    const isCurrent = Number(generation) === session?.generation;
    const isReplay = Number(generation) === session?.generation - 1 && this.#clock.wall - session.spentAt < GRACE;
    if (session?.isLive && !isCurrent && !isReplay) session.isLive = false;
    if (!session?.isLive) return { ...problem(401, "invalid_refresh_token"), ...(isCookie && { cookie: "" }) };
    if (isCurrent) Object.assign(session, { generation: session.generation + 1, spentAt: this.#clock.wall });
    return this.#pair(id, isCookie, 200);
  }

  #pair(id, isCookie, status) {
    const { username, generation } = this.sessions.get(id);
    const claims = { sub: username, sid: id, username, issued: this.#clock.wall, n: this.requests.length };
    const access_token = `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
    const token = `${id} ${generation}`;
    const body = { access_token, token_type: "Bearer", expires_in: this.lifetime, session_id: id };
    return isCookie ? { status, body, cookie: token } : { status, body: { ...body, refresh_token: token } };
  }

  #end(id) {
    const session = this.sessions.get(id);
    if (!session?.isLive) return { status: 404, body: {} };
    session.isLive = false;
    return { status: 204, cookie: "" };
  }

  #isValid(access) {
    if (!access?.startsWith("e30.")) return false;
    const { sid, issued } = claimsOf(access);
    return this.sessions.get(sid).isLive && this.#clock.wall - issued < (this.lifetime - 1) * 1000 + 1;
  }
}

export const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

const problem = (status, code) => ({ status, body: { code, detail: `That is ${code}.` } });
