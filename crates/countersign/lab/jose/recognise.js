// Says what somebody has pasted, and finds the token in it: in an Authorization header, a curl line, a JSON answer.
import { LONGEST_TEXT } from "./jwt.js";
import { readKeys } from "./keys.js";

/** Begins where no word of the alphabet goes before it, so that each letter is looked at once. */
const ACCESS = /(?<![\w-])eyJ[\w-]*\.[\w-]*\.[\w-]*/;
const REFRESH = /(?<![\w-])csr_[\w-]+/;
const BEARER = /^(?:authorization\s*:\s*)?bearer\s+/i;

/**
 * `{ kind, token, note }`. `kind` is "empty", "too-long", "token", "refresh-token", "key" or "private-key"; `token` is
 * the text to read, for the two kinds of token; `note` is a sentence on what was made of the text, or null.
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

/** Nothing but a token, perhaps cut into lines by a mail program or a terminal. */
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
  if (whole) return { ...whole, note: BEARER_TAKEN_OFF };
  const where = /^\$?\s*curl\s/.test(text) ? "the curl line" : "the text around it";
  const access = ACCESS.exec(text);
  if (access) return found("token", access[0], `The access token was taken out of ${where}.`);
  const refresh = REFRESH.exec(text);
  return refresh && found("refresh-token", refresh[0], `The refresh token was taken out of ${where}.`);
}

const TOO_LONG =
  "This is longer than any token, so it was not read. A token has some hundred characters; what goes into a request's " +
  "header has at most 16,384.";
const PRIVATE_KEY =
  "This was a private key. It was not kept, and the field was emptied. Whoever has it can sign tokens: if it is in use " +
  "and others may have seen it, replace it.";
const KEY = "This is a key and no token. Paste a token here first; then there is a place for the key, “A key that I paste”.";
const JOINED = "Line breaks were taken out.";
const BEARER_TAKEN_OFF = "The word Bearer was taken off: it says how a token is sent, and is no part of it.";
