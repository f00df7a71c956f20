// Errors that callers get, and the warning on the console.

export class SessionError extends Error {
  constructor(code, message, { status = 0, retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { name: "SessionError", code, status, retryAfter });
  }
}

/** The error for an answer that is a refusal, or for an answer that was lost. */
export function failureOf({ body = null, ...answer }) {
  const message = body?.detail ?? "the server cannot be asked now; try again later";
  return new SessionError(body?.code ?? "unavailable", message, answer);
}

/** Reports the first thing that the browser lacks or denies. One warning says what follows from any of them. */
export function createWarning() {
  let hasWarned = false;
  return (what, error) => {
    if (hasWarned) return;
    hasWarned = true;
    console.warn(
      `countersign-browser: ${what} cannot be used (${error}). The session continues in the memory of this tab. ` +
        "Other tabs and page loads may not know of it.",
    );
  };
}
