// The error that callers catch, and the warning on the console.

export class SessionError extends Error {
  constructor(code, message, { status = 0, retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { name: "SessionError", code, status, retryAfter });
  }
}

/** Returns the error for an error response. A lost response has no `body` and becomes `unavailable`. */
export function failureOf({ body = null, ...response }) {
  const message = body?.detail ?? "the server is unavailable; try again later";
  return new SessionError(body?.code ?? "unavailable", message, response);
}

/** Returns a function that warns once. Later failures have the same effect as the first, so they are not reported. */
export function createWarning() {
  let hasWarned = false;
  return (what, error) => {
    if (hasWarned) return;
    hasWarned = true;
    console.warn(
      `countersign-browser: ${what} cannot be used (${error}). The session continues in the memory of this tab. ` +
        "It may be lost when the page is reloaded, and other tabs may not see it.",
    );
  };
}
