// Reads JSON and reports ambiguous content (RFC 8259, and RFC 7515 §4 on duplicate names).
//
// Parsers disagree on {"aud":"a","aud":"b"}, which an attacker can use to bypass a check, so the server rejects such text.
// This module reads it and reports the problem.

/** The maximum nesting of objects and arrays. A token of this server has two levels. */
export const DEEPEST = 64;

/** For text that is known to be valid JSON: every string in it is closed, so matching takes linear time. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
const LONGEST_NAME = 40;
/** With the flag `u`, a surrogate pair is one character, so only an unpaired surrogate matches. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** `{ value, problems }`: `value` is undefined if the text cannot be read; each problem is `{ code, text }`. */
export function readJson(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return { value: undefined, problems: [{ code: "not-json", text: "is not valid JSON" }] };
  }
  const { depth, repeated, isWellFormed } = outlineOf(text);
  if (depth > DEEPEST) {
    const problem = { code: "too-deep", text: `is nested ${depth} levels deep; the maximum is ${DEEPEST}` };
    return { value: undefined, problems: [problem] };
  }
  const problems = repeated.map((name) => ({
    code: "duplicate-name",
    text: `names ${name} twice: some programs use the first value, others the last`,
  }));
  if (!isWellFormed) problems.push({ code: "surrogate", text: "has an escape for half of a character (an unpaired surrogate)" });
  if (hasInfiniteNumber(value)) problems.push({ code: "number", text: "has a number that is too large for a double" });
  return { value, problems };
}

/** The same JSON, indented. The text of strings and numbers does not change, and duplicate names are kept. */
export function indent(text) {
  const output = [];
  let level = 0;
  const line = () => output.push("\n", "  ".repeat(level));
  const tokens = tokensOf(text);
  tokens.forEach((token, index) => {
    const closes = isClosing(token);
    if (closes) level -= 1;
    if (closes && !isOpening(tokens[index - 1])) line();
    output.push(token === ":" ? ": " : token);
    if (isOpening(token)) level += 1;
    if (token === "," || (isOpening(token) && !isClosing(tokens[index + 1]))) line();
  });
  return output.join("");
}

/** `[name, text]` of each member of an object, in order. The text does not change, and duplicate names are kept. */
export function membersOf(text) {
  const members = [];
  let [level, start, name] = [0, 0, null];
  for (const { 0: token, index } of text.matchAll(TOKENS)) {
    if (isClosing(token)) level -= 1;
    const isBetween = level === 1 && token === "," || level === 0 && token === "}";
    if (isBetween && name !== null) members.push([name, text.slice(start, index).trim()]);
    if (isBetween || token === "{" && level === 0) name = null;
    else if (level === 1 && name === null) name = JSON.parse(token);
    else if (level === 1 && token === ":") start = index + 1;
    if (isOpening(token)) level += 1;
  }
  return members;
}

const tokensOf = (text) => text.match(TOKENS) ?? [];
const isOpening = (token) => token === "{" || token === "[";
const isClosing = (token) => token === "}" || token === "]";

/** The depth, the first three names that occur twice in one object, and whether all strings are well-formed Unicode. */
function outlineOf(text) {
  const open = [];
  const repeated = new Set();
  let depth = 0;
  let isWellFormed = true;
  let previous = "";
  for (const token of tokensOf(text)) {
    if (isOpening(token)) depth = Math.max(depth, open.push(new Set()));
    else if (isClosing(token)) open.pop();
    else if (token === ":" && !isNew(previous, open.at(-1))) repeated.add(previous);
    else if (token.includes("\\u")) isWellFormed &&= !LONE_SURROGATE.test(JSON.parse(token));
    previous = token;
  }
  const short = (name) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name);
  return { depth, repeated: [...repeated].slice(0, 3).map(short), isWellFormed };
}

/** Compares decoded names: "\u0061" and "a" are the same name. */
function isNew(quoted, names) {
  const name = JSON.parse(quoted);
  const isNew = !names.has(name);
  names.add(name);
  return isNew;
}

function hasInfiniteNumber(value) {
  if (typeof value === "number") return !Number.isFinite(value);
  return value !== null && typeof value === "object" && Object.values(value).some(hasInfiniteNumber);
}
