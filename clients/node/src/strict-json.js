"use strict";
// JSON that has one meaning for every parser (RFC 8259, and RFC 7515 §4 on repeated members). `JSON.parse` takes the
// last of several members with one name, where another parser takes the first. An attacker can use the difference to
// pass a check, so repeated members are refused at every level.
//
// Also refused: a byte order mark, invalid UTF-8, half of a surrogate pair, numbers beyond the range of a double, and
// deep nesting. The Rust crate countersign-token refuses the same texts.

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Strings, numbers, brackets and colons of a text that `JSON.parse` accepts. Every string in it is closed. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[-\d][\d.eE+-]*|[{}[\]:]/g;

/** Parses the bytes of one JSON value with at most `deepest` levels. The message of an error never quotes the text. */
function parseStrictJson(bytes, deepest) {
  const text = decode(bytes);
  const value = parse(text);
  checkTokens(text, deepest);
  return value;
}

function decode(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Error("the JSON is not valid UTF-8");
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the text is not valid JSON");
  }
}

function checkTokens(text, deepest) {
  /** The names in each open object. Arrays have an empty set. */
  const open = [];
  let previous;
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === "{" || token === "[") {
      if (open.push(new Set()) > deepest) throw new Error(`the JSON has more than ${deepest} levels`);
    } else if (token === "}" || token === "]") open.pop();
    else if (token === ":") addName(unquoted(previous), open.at(-1));
    else if (token.startsWith('"')) checkCharacters(token);
    else if (!Number.isFinite(Number(token))) throw new Error("the JSON has a number that is out of range");
    previous = token;
  }
}

function addName(name, names) {
  if (names.has(name)) throw new Error("the JSON repeats a member of an object");
  names.add(name);
}

/** Decoded bytes are well-formed, so only escapes can produce half of a surrogate pair. */
function checkCharacters(quoted) {
  // Node 18 has no `isWellFormed`. With the flag `u`, a whole surrogate pair is another character and does not match.
  if (!quoted.includes("\\u") || !/\p{Surrogate}/u.test(unquoted(quoted))) return;
  throw new Error("the JSON has half of a surrogate pair");
}

function unquoted(quoted) {
  return quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1);
}

module.exports = { parseStrictJson };
