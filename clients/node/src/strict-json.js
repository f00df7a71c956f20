"use strict";
// Parses only JSON that every parser reads alike (RFC 8259, and RFC 7515 §4 on duplicate members). Of several members with the
// same name, `JSON.parse` uses the last and other parsers the first. An attacker can use the difference to pass a check, so
// duplicate members are rejected at every level.
//
// Also rejected: a byte order mark, invalid UTF-8, unpaired surrogates, numbers beyond the range of a double, and deep nesting.
// The Rust crate countersign-token rejects the same texts.

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Matches strings, numbers, brackets and colons in text that `JSON.parse` accepts, where every string is terminated. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[-\d][\d.eE+-]*|[{}[\]:]/g;

/** Parses the bytes of one JSON value with at most `maxDepth` levels. Error messages never quote the text. */
function parseStrictJson(bytes, maxDepth) {
  const text = decode(bytes);
  const value = parse(text);
  checkTokens(text, maxDepth);
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

function checkTokens(text, maxDepth) {
  /** The member names of each open object. Arrays have an empty set. */
  const open = [];
  let previous;
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === "{" || token === "[") {
      if (open.push(new Set()) > maxDepth) throw new Error(`the JSON has more than ${maxDepth} levels`);
    } else if (token === "}" || token === "]") open.pop();
    else if (token === ":") addName(unquoted(previous), open.at(-1));
    else if (token.startsWith('"')) checkCharacters(token);
    else if (!Number.isFinite(Number(token))) throw new Error("the JSON has a number that is out of range");
    previous = token;
  }
}

function addName(name, names) {
  if (names.has(name)) throw new Error("the JSON has an object with duplicate members");
  names.add(name);
}

/** The decoder accepts only well-formed UTF-8, so an unpaired surrogate can come only from an escape. */
function checkCharacters(quoted) {
  // Node 18 has no `isWellFormed`. With the flag `u`, a complete surrogate pair is one character and does not match.
  if (!quoted.includes("\\u") || !/\p{Surrogate}/u.test(unquoted(quoted))) return;
  throw new Error("the JSON has an unpaired surrogate");
}

function unquoted(quoted) {
  return quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1);
}

module.exports = { parseStrictJson };
