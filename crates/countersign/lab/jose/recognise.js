// Determines what a user pasted, and finds the token in it, for example in an Authorization header, a curl command or a JSON
// response.
import { LONGEST_TEXT } from "./jwt.js";
import { readKeys } from "./keys.js";

/** Matches only at the start of a base64url word, so that matching takes linear time. */
const ACCESS = /(?<![\w-])eyJ[\w-]*\.[\w-]*\.[\w-]*/;
const REFRESH = /(?<![\w-])csr_[\w-]+/;
const BEARER = /^(?:authorization\s*:\s*)?bearer\s+/i;

/**
 * `{ kind, token, note }`. `kind` is "empty", "too-long", "token", "refresh-token", "key" or "private-key"; `token` is
 * the token's text, for the two kinds of token; `note` is a sentence about what was done with the text, or null.
 */
export function recognise(text) {
  if (text.length > LONGEST_TEXT) return found("too-long", null, TOO_LONG);
  const plain = text.trim();
  if (plain === "") return found("empty", null, null);
  return asKey(plain) ?? asWhole(plain) ?? asPart(plain) ?? found("token", plain, null);
}

const found = (kind, token, note) => ({ kind, token, note });

function asKey(text) {
  if (!/^\{|^-----BEGIN /.test(text) || ACCESS.test(text) || REFRESH.test(text)) return null;
  const { keys, problems } = readKeys(text);
  if (problems.some(({ code }) => code === "private-key")) return found("private-key", null, PRIVATE_KEY);
  return keys.length > 0 ? found("key", null, KEY) : null;
}

/** A text that is only a token, possibly split into lines by a mail program or a terminal. */
function asWhole(text) {
  const lines = text.split("\n").map((line) => line.trim());
  const joined = lines.join("");
  const note = lines.length > 1 ? JOINED : null;
  if (/^csr_[\w-]+$/.test(joined)) return found("refresh-token", joined, note);
  return /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(joined) ? found("token", joined, note) : null;
}

function asPart(text) {
  const rest = text.replace(BEARER, "");
  const whole = rest === text ? null : asWhole(rest);
  if (whole) return { ...whole, note: BEARER_REMOVED };
  const where = /^\$?\s*curl\s/.test(text) ? "the curl command" : "the surrounding text";
  const access = ACCESS.exec(text);
  if (access) return found("token", access[0], `The access token was extracted from ${where}.`);
  const refresh = REFRESH.exec(text);
  return refresh && found("refresh-token", refresh[0], `The refresh token was extracted from ${where}.`);
}

const TOO_LONG =
  "The text is longer than any token, so it was not read. A token usually has a few hundred characters, and at most " +
  "16,384 in a request header.";
const PRIVATE_KEY =
  "This was a private key. It was discarded, and the field was cleared. Anyone who has the key can sign tokens: if it is in " +
  "use and others may have seen it, replace it.";
const KEY = "This is a key, not a token. Paste a token here first. Then choose “A key that I paste”, and paste the key there.";
const JOINED = "Line breaks were removed.";
const BEARER_REMOVED = "The word Bearer was removed: it names the authentication scheme and is not part of the token.";
