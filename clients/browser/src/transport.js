// HTTP to the server: one call, and calls that are repeated for as long as that is safe.
import { failureOf } from "./errors.js";
import { parseJson } from "./json.js";

/** Milliseconds. The server's grace is ten seconds, unless it was told otherwise. */
const GRACE = 9_000;

export class Transport {
  #base;
  #isCookie;

  constructor(base, isCookie) {
    this.#base = base;
    this.#isCookie = isCookie;
  }

  /** Never rejects: an answer that was lost has the status 0. */
  async call(method, path, { body = null, access = null, within }) {
    const headers = {
      ...(body && { "content-type": "application/json" }),
      ...(access && { authorization: `Bearer ${access}` }),
    };
    const abort = new AbortController();
    let timer;
    const late = new Promise((resolve) => {
      // The answer counts as lost even if `fetch` was replaced by one that ignores the signal.
      timer = setTimeout(() => resolve(abort.abort()), within);
    });
    const exchange = async () => {
      const response = await fetch(this.#base + path, {
        method,
        headers,
        body: body && JSON.stringify(body),
        cache: "no-store",
        // The server may be on another origin. The requests of `fetch` keep the credentials that their caller chose.
        credentials: this.#isCookie ? "include" : "same-origin",
        redirect: "error",
        // The cookie of an answer is to be kept even if the page is gone by then.
        keepalive: true,
        signal: abort.signal,
      });
      const retryAfter = Math.min(Number(response.headers.get("retry-after")) || 0, 3_600);
      const text = await response.text();
      return { status: response.status, retryAfter, body: parseJson(text) ?? {} };
    };
    const answer = await Promise.race([exchange().catch(() => null), late]);
    clearTimeout(timer);
    return answer ?? { status: 0, body: {} };
  }
}

/** Repeats what was lost on the way, or what the server cannot answer now, for as long as that is safe. */
export async function callRepeatedly(isWanted, call) {
  const began = performance.now();
  const left = () => GRACE - (performance.now() - began);
  for (let pause = 250; ; pause = Math.min(2 * pause, 2_000)) {
    if (isOffline()) throw failureOf({});
    const answer = await call(Math.min(left(), 5_000));
    const { status, retryAfter = 0 } = answer;
    if ((status && status < 500 && status !== 429) || !isWanted()) return answer;
    const wait = Math.max(pause * (0.5 + Math.random() / 2), retryAfter * 1000);
    if (left() - wait < 1_000) throw failureOf(answer);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!isWanted()) return answer;
  }
}

export const isOffline = () => navigator.onLine === false;
