// Base64url as RFC 7515 §2 has it: no padding, and only the one canonical spelling of each value.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** `String.fromCharCode` takes its characters as arguments, of which engines allow some ten thousand. */
const AT_ONCE = 8_192;

export function encodeBase64url(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += AT_ONCE) binary += String.fromCharCode(...bytes.subarray(at, at + AT_ONCE));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The bytes, or null for padding, another alphabet, an impossible length, and trailing bits that are not zero. */
export function decodeBase64url(text) {
  return whyNotBase64url(text) ? null : bytesOfBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}

/** What is wrong with the text, as the end of a sentence that begins with its name; null when nothing is. */
export function whyNotBase64url(text) {
  if (text.includes("=")) return "is padded with =, which tokens leave out";
  if (/[+/]/.test(text)) return "is in the other alphabet of base64, with + and / where tokens have - and _";
  if (/[^\w-]/.test(text)) return "has characters that base64url does not have";
  if (text.length % 4 === 1) return "has a length that base64url cannot have: a character is missing, or one too many";
  return unusedBits(text) === 0 ? null : "spells its last byte in an unusual way; each value has one proper spelling";
}

/** Bytes of plain base64, as in PEM files; null when it is not base64. */
export function bytesOfBase64(text) {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

/** The bits of the last character that are beyond the last whole byte. */
function unusedBits(text) {
  const last = ALPHABET.indexOf(text.at(-1));
  return { 0: 0, 2: last & 0b1111, 3: last & 0b11 }[text.length % 4];
}
