// JSON that means one thing to everyone (RFC 8259, and RFC 7515 §4 on members that are named twice).
//
// Two parsers that disagree on {"aud":"a","aud":"b"} are a way past a check, so the server refuses such text; here it is
// read all the same, and what is wrong with it is said.

/** Containers inside containers. A token of this server has two levels. */
export const DEEPEST = 64;

/** Of text that is known to be JSON: there every string ends, so no text makes this slow. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
const LONGEST_NAME = 40;
/** The flag `u` reads a pair as one character, so only a surrogate without its pair matches. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** `{ value, problems }`: `value` is undefined when there is none; each problem is `{ code, text }`. */
export function readJson(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return { value: undefined, problems: [{ code: "not-json", text: "is not JSON" }] };
  }
  const { depth, repeated, isWellFormed } = outlineOf(text);
  if (depth > DEEPEST) {
    const problem = { code: "too-deep", text: `is nested ${depth} levels deep; more than ${DEEPEST} are not read` };
    return { value: undefined, problems: [problem] };
  }
  const problems = repeated.map((name) => ({
    code: "duplicate-name",
    text: `names ${name} twice: some programs believe the first, some the last`,
  }));
  if (!isWellFormed) problems.push({ code: "surrogate", text: "has an escape for half of a character (a surrogate without its pair)" });
  if (hasEndlessNumber(value)) problems.push({ code: "number", text: "has a number that is larger than programs can hold" });
  return { value, problems };
}

/** The same JSON, indented. Strings and numbers stay to the letter, and what is named twice stays twice. */
export function indent(text) {
  const pieces = [];
  let level = 0;
  const line = () => pieces.push("\n", "  ".repeat(level));
  const tokens = tokensOf(text);
  tokens.forEach((token, index) => {
    const closes = isClosing(token);
    if (closes) level -= 1;
    if (closes && !isOpening(tokens[index - 1])) line();
    pieces.push(token === ":" ? ": " : token);
    if (isOpening(token)) level += 1;
    if (token === "," || (isOpening(token) && !isClosing(tokens[index + 1]))) line();
  });
  return pieces.join("");
}

/** `[name, text]` of each member of an object, in order and to the letter; what is named twice comes twice. */
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

/** How deep it goes, the first few member names that stand twice in one object, and whether every string is text. */
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

/** However it is spelt: "\u0061" and "a" are one name. */
function isNew(quoted, names) {
  const name = JSON.parse(quoted);
  const isNew = !names.has(name);
  names.add(name);
  return isNew;
}

function hasEndlessNumber(value) {
  if (typeof value === "number") return !Number.isFinite(value);
  return value !== null && typeof value === "object" && Object.values(value).some(hasEndlessNumber);
}
