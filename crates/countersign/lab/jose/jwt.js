// Decodes a token without verifying it (RFC 7515 §7.1). It checks the length and the number of dots before it splits or
// decodes anything, so that a megabyte of input is as cheap as a short text.
import { decodeBase64url, whyNotBase64url } from "./base64url.js";
import { readJson } from "./json.js";

/** The maximum length that this page reads, in characters. */
export const LONGEST_TEXT = 64 * 1024;
/** The maximum length that this server's verifiers read, in characters. A longer token would not fit into a request header. */
export const LONGEST_TOKEN = 16_384;

/**
 * `{ parts, header, claims, headerText, claimsText, signature, signed, problems }`. Values that cannot be read are null. Each
 * problem is `{ part, code, text }`; `part` is "form", "header", "claims" or "signature".
 */
export function decode(text) {
  const wrong = whyNoToken(text);
  if (wrong) return { ...NOTHING, parts: [], problems: [{ part: "form", ...wrong }] };
  const problems = [];
  const parts = text.split(".");
  const [header, headerText] = readObject("header", parts[0], problems);
  const [claims, claimsText] = readObject("claims", parts[1], problems);
  const signature = readBytes("signature", parts[2], problems);
  const signed = text.slice(0, text.lastIndexOf("."));
  return { parts, header, claims, headerText, claimsText, signature, signed, problems };
}

const NOTHING = { header: null, claims: null, headerText: null, claimsText: null, signature: null, signed: "" };
const ENCRYPTED = "A token with five parts is encrypted (JWE). Only its recipient can read it, and this server does not issue such tokens.";

function whyNoToken(text) {
  if (typeof text !== "string" || text === "") return { code: "empty", text: "There is nothing to read." };
  if (text.length > LONGEST_TEXT) return { code: "too-long", text: "This is longer than any token, so it was not read." };
  const dots = dotsIn(text);
  if (dots === 2) return null;
  if (dots === 4) return { code: "encrypted", text: ENCRYPTED };
  const found = dots === 1 ? "is 1 dot" : `are ${dots.toLocaleString("en")} dots`;
  return { code: "not-three-parts", text: `A token has three parts, separated by two dots; here ${found}.` };
}

function dotsIn(text) {
  let dots = 0;
  for (let at = text.indexOf("."); at !== -1; at = text.indexOf(".", at + 1)) dots += 1;
  return dots;
}

function readObject(part, encoded, problems) {
  const bytes = readBytes(part, encoded, problems);
  const text = bytes && textOf(bytes);
  if (bytes && text === null) problems.push({ part, code: "not-utf-8", text: `The ${nameOf(part)} is not valid UTF-8.` });
  if (text === null) return [null, null];
  const json = readJson(text);
  for (const { code, text: end } of json.problems) problems.push({ part, code, text: `The ${nameOf(part)} ${end}.` });
  if (json.value === undefined) return [null, text];
  if (!isObject(json.value)) {
    problems.push({ part, code: "not-an-object", text: `The ${nameOf(part)} is JSON, but not an object.` });
    return [null, text];
  }
  return [json.value, text];
}

function readBytes(part, encoded, problems) {
  const wrong = whyNotBase64url(encoded);
  if (!wrong) return decodeBase64url(encoded);
  problems.push({ part, code: "encoding", text: `The ${nameOf(part)} ${wrong}.` });
  return null;
}

/** Keeps a byte order mark: JSON must not begin with one, and removing it would hide why the server rejects the token. */
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const nameOf = (part) => (part === "claims" ? "payload" : part);
