// HTTP requests to the server: a single request, and a request that is repeated while repeating is safe.
import { failureOf } from "./errors.js";
import { parseJson } from "./json.js";

/** Milliseconds. One second less than the default of the server's `refresh_token.grace`, which is ten seconds. */
const GRACE = 9_000;

export class Transport {
  #base;
  #isCookie;

  constructor(base, isCookie) {
    this.#base = base;
    this.#isCookie = isCookie;
  }

  /** `within` is in milliseconds. Never rejects: a response that is lost or late has the status 0. */
  async call(method, path, { body = null, access = null, within }) {
    const headers = {
      ...(body && { "content-type": "application/json" }),
      ...(access && { authorization: `Bearer ${access}` }),
    };
    const abort = new AbortController();
    let timer;
    const late = new Promise((resolve) => {
      // This also resolves if the page has replaced `fetch` by a function that ignores the signal.
      timer = setTimeout(() => resolve(abort.abort()), within);
    });
    const exchange = async () => {
      const response = await fetch(this.#base + path, {
        method,
        headers,
        body: body && JSON.stringify(body),
        cache: "no-store",
        // The server may be on another origin. Only the module's requests use this; `session.fetch` does not.
        credentials: this.#isCookie ? "include" : "same-origin",
        redirect: "error",
        // The browser must store the response's cookie even if the page is closed before the response arrives.
        keepalive: true,
        signal: abort.signal,
      });
      const retryAfter = Math.min(Number(response.headers.get("retry-after")) || 0, 3_600);
      const text = await response.text();
      return { status: response.status, retryAfter, body: parseJson(text) ?? {} };
    };
    const response = await Promise.race([exchange().catch(() => null), late]);
    clearTimeout(timer);
    return response ?? { status: 0, body: {} };
  }
}

/**
 * Repeats a request while its response is lost, 429 or 5xx, and within the grace period. Rejects with `unavailable` or
 * the server's error when the time is up or the device is offline. Stops early when `isWanted` returns false.
 */
export async function callRepeatedly(isWanted, call) {
  const began = performance.now();
  const left = () => GRACE - (performance.now() - began);
  for (let pause = 250; ; pause = Math.min(2 * pause, 2_000)) {
    if (isOffline()) throw failureOf({});
    const response = await call(Math.min(left(), 5_000));
    const { status, retryAfter = 0 } = response;
    if ((status && status < 500 && status !== 429) || !isWanted()) return response;
    const wait = Math.max(pause * (0.5 + Math.random() / 2), retryAfter * 1000);
    if (left() - wait < 1_000) throw failureOf(response);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!isWanted()) return response;
  }
}

// A browser that does not report `onLine` counts as online.
export const isOffline = () => navigator.onLine === false;
