// Reads the fields of a refresh token. Anyone who has the token can read them; only the server can check its tag.

const PREFIX = "csr_";
const BITS_OF_A_CHARACTER = 6;

/** In the order of the bytes, each with its length in bytes. */
const FIELDS = [
  ["version", 1],
  ["keyId", 1],
  ["sessionId", 16],
  ["generation", 4],
  ["issuedAt", 4],
  ["bind", 8],
  ["secret", 16],
  ["tag", 16],
];
const LENGTH = 66;

/** The fields: numbers, the session as a UUID, `issuedAt` in Unix seconds, the last three as hexadecimal text; or null. */
export function readRefreshToken(text) {
  const bytes = bytesOf(text);
  if (!bytes) return null;
  let at = 0;
  const hex = FIELDS.map(([name, length]) => [name, hexOf(bytes.subarray(at, (at += length)))]);
  const token = Object.fromEntries(hex);
  for (const name of ["version", "keyId", "generation", "issuedAt"]) token[name] = Number.parseInt(token[name], 16);
  token.sessionId = token.sessionId.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  return token;
}

/**
 * The text split into `{ name, text }`, `prefix` first. A character holds six bits, so one character may contain bits of two
 * fields; it counts to the field that has more of its bits.
 */
export function cutRefreshToken(text) {
  const body = text.slice(PREFIX.length);
  const segments = [{ name: "prefix", text: PREFIX }];
  let start = 0;
  let bytes = 0;
  for (const [name, length] of FIELDS) {
    bytes += length;
    const end = Math.round((bytes * 8) / BITS_OF_A_CHARACTER);
    segments.push({ name, text: body.slice(start, end) });
    start = end;
  }
  return segments;
}

function bytesOf(text) {
  if (typeof text !== "string" || !/^csr_[\w-]{88}$/.test(text)) return null;
  const plain = atob(text.slice(PREFIX.length).replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(plain, (character) => character.charCodeAt(0));
  return bytes.length === LENGTH ? bytes : null;
}

const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
