// Checks the options of a session and the environment.
import { SessionError } from "./errors.js";
import { Session } from "./session.js";

export function createSession({ baseUrl, mode, allow = [], storage, ...unknown }) {
  const { document, location } = globalThis;
  if (!document || !location) {
    throw new SessionError("unsupported", "createSession needs a page; call it in a window, not on a server or in a worker");
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
  if (wrong) throw new TypeError(`the option \`${wrong}\` is invalid; the README lists the options and their values`);
  // The browser does not send cookies from such a page, although `location` in a sandboxed frame shows the origin.
  if (isCookie && globalThis.origin === "null") {
    throw new SessionError("unsupported", "cookie mode does not work in a file, or in a sandboxed frame without `allow-same-origin`");
  }
  const base = href.replace(/\/+$/, "");
  // In cookie mode storage only ever holds the id of a session whose sign-out is pending.
  const open = isCookie ? () => globalThis.localStorage : typeof storage === "function" ? storage : storage && (() => storage);
  return new Session({ base, isCookie, origins, open });
}
