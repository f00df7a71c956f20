// Base64url (RFC 7515 §2): without padding, and only the canonical encoding of each value.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** `String.fromCharCode` takes its characters as arguments, and engines allow only some ten thousand arguments. */
const AT_ONCE = 8_192;

export function encodeBase64url(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += AT_ONCE) binary += String.fromCharCode(...bytes.subarray(at, at + AT_ONCE));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The bytes; null for padding, another alphabet, an impossible length, or trailing bits that are not zero. */
export function decodeBase64url(text) {
  return whyNotBase64url(text) ? null : bytesOfBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}

/** What is wrong with the text, as the end of a sentence that begins with the name of the part; null if nothing is wrong. */
export function whyNotBase64url(text) {
  if (text.includes("=")) return "is padded with =, and tokens have no padding";
  if (/[+/]/.test(text)) return "uses the standard base64 alphabet with + and /, and tokens use base64url with - and _";
  if (/[^\w-]/.test(text)) return "has characters that are not allowed in base64url";
  if (text.length % 4 === 1) return "has a length that is impossible in base64url: a character is missing, or there is one too many";
  return unusedBits(text) === 0 ? null : "does not use the canonical encoding of its last byte: the unused bits are not zero";
}

/** Decodes standard base64, as in PEM files; null if the text is not base64. */
export function bytesOfBase64(text) {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

/** The bits of the last character that do not belong to a whole byte. */
function unusedBits(text) {
  const last = ALPHABET.indexOf(text.at(-1));
  return { 0: 0, 2: last & 0b1111, 3: last & 0b11 }[text.length % 4];
}
