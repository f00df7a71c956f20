// The options of a session, and whether they fit the place where it is made.
import { SessionError } from "./errors.js";
import { Session } from "./session.js";

export function createSession({ baseUrl, mode, allow = [], storage, ...unknown }) {
  const { document, location } = globalThis;
  if (!document || !location) {
    throw new SessionError("unsupported", "createSession needs a page: call it in a window, not on a server or in a worker");
  }
  const isCookie = mode === "cookie";
  const { href, origin } = new URL(baseUrl, location.href);
  const origins = new Set([origin, ...allow.map((url) => new URL(url).origin)]);
  const wrong =
    Object.keys(unknown)[0] ??
    (isCookie || mode === "body" ? null : "mode") ??
    (typeof baseUrl !== "string" || origin === "null" ? "baseUrl" : null) ??
    (origins.has("null") ? "allow" : null) ??
    (isCookie && storage ? "storage" : null);
  if (wrong) throw new TypeError(`the option \`${wrong}\` is not right; the README lists what can be given`);
  // The browser sends no cookies from such a page, although the `location` of a sandboxed frame shows this origin.
  if (isCookie && globalThis.origin === "null") {
    throw new SessionError("unsupported", "cookie mode does not work in a file, or in a sandboxed frame without `allow-same-origin`");
  }
  const base = href.replace(/\/+$/, "");
  // In cookie mode it holds the id of a session whose sign-out is not done yet, and nothing else.
  const open = isCookie ? () => globalThis.localStorage : typeof storage === "function" ? storage : storage && (() => storage);
  return new Session({ base, isCookie, origins, open });
}
