// The page's HTTP client. Every call to the server goes through it, and it records the calls for the "API calls" section.

const KEPT = 200;

export class ServerUnreachable extends Error {
  constructor(method, path, cause) {
    super(`${method} ${path}: the server did not respond. Check that it is still running.`, { cause });
    this.name = "ServerUnreachable";
  }
}

export class Server extends EventTarget {
  /** The response body of `GET /v1/lab`; null until `connect` is done. */
  setup = null;
  calls = [];
  #base;

  constructor(base = globalThis.location?.origin) {
    super();
    this.#base = base;
  }

  async connect() {
    const { status, json } = await this.call("GET", "/v1/lab", { quiet: true });
    if (status !== 200) throw new Error(`GET /v1/lab responded with ${status}`);
    this.setup = json;
  }

  /**
   * One request and its complete response. The promise rejects with `ServerUnreachable` if there is no response; an HTTP error
   * status does not reject it. `quiet` keeps the call out of the list of calls; `actor` is the sender that the list shows.
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

  /** Sends `token` as a bearer token in the `Authorization` header (RFC 6750 §2.1). */
  async callWithToken(method, path, token, options) {
    return this.call(method, path, { ...options, headers: { Authorization: `Bearer ${token}` } });
  }

  #keep(call) {
    this.calls.push(call);
    if (this.calls.length > KEPT) this.calls.shift();
    this.dispatchEvent(new CustomEvent("call", { detail: call }));
  }
}

/** The same request as a curl command for a POSIX shell. */
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
