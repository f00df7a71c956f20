// JSON from the network and from storage, which can be anything.

/** The value, or null if the text is not JSON. */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
