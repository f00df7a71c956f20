// JSON from the network and from storage, which may be invalid.

/** Returns null if the text is not JSON. */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
