// Every call of the page to the server goes through here, and is kept for whoever wants to see what was sent.

const KEPT = 200;

export class ServerUnreachable extends Error {
  constructor(method, path, cause) {
    super(`${method} ${path}: the server did not answer. Is it still running?`, { cause });
    this.name = "ServerUnreachable";
  }
}

export class Server extends EventTarget {
  /** What `GET /v1/lab` answered; null until `connect` is done. */
  setup = null;
  calls = [];
  #base;

  constructor(base = globalThis.location?.origin) {
    super();
    this.#base = base;
  }

  async connect() {
    const { status, json } = await this.call("GET", "/v1/lab", { quiet: true });
    if (status !== 200) throw new Error(`GET /v1/lab answered ${status}`);
    this.setup = json;
  }

  /**
   * One request and its whole answer. An HTTP status never rejects; no answer does, with `ServerUnreachable`.
   * `quiet` keeps it out of the log; `actor` says there who has sent it.
   */
  async call(method, path, { headers = {}, json, form, quiet = false, actor = "you" } = {}) {
    const call = { actor, method, path, requestHeaders: { ...headers }, requestBody: null, url: this.#base + path };
    if (json !== undefined) give(call, "application/json", JSON.stringify(json));
    if (form !== undefined) give(call, "application/x-www-form-urlencoded", new URLSearchParams(form).toString());
    Object.assign(call, {
      status: 0,
      headers: {},
      text: "",
      json: null,
      sentAt: new Date(),
      took: 0,
      curl: curlOf(call),
    });
    const since = performance.now();
    try {
      await send(call);
    } catch (error) {
      throw new ServerUnreachable(method, path, error);
    } finally {
      call.took = performance.now() - since;
      if (!quiet) this.#keep(call);
    }
    return call;
  }

  /** `token` as `Authorization`; the usual way to call an API. */
  async callWithToken(method, path, token, options) {
    return this.call(method, path, { ...options, headers: { Authorization: `Bearer ${token}` } });
  }

  #keep(call) {
    this.calls.push(call);
    if (this.calls.length > KEPT) this.calls.shift();
    this.dispatchEvent(new CustomEvent("call", { detail: call }));
  }
}

/** The same request as a line for a POSIX shell. */
export function curlOf({ method, url, requestHeaders, requestBody }) {
  const words = ["curl", "-i"];
  if (method !== (requestBody === null ? "GET" : "POST")) words.push("-X", method);
  words.push(quote(url));
  for (const [name, value] of Object.entries(requestHeaders)) words.push("-H", quote(`${name}: ${value}`));
  if (requestBody !== null) words.push("--data-raw", quote(requestBody));
  return words.join(" ");
}

const quote = (text) => (/^[\w:/.-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`);

function give(call, type, body) {
  call.requestHeaders["Content-Type"] ??= type;
  call.requestBody = body;
}

async function send(call) {
  const answer = await fetch(call.url, {
    method: call.method,
    headers: call.requestHeaders,
    body: call.requestBody,
    cache: "no-store",
    credentials: "omit",
  });
  call.status = answer.status;
  call.headers = Object.fromEntries(answer.headers);
  call.text = await answer.text();
  if (/\bjson\b/.test(call.headers["content-type"] ?? "")) call.json = parse(call.text);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
