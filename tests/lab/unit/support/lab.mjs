// The lab's modules that need no page, and inputs for them.
const LAB = new URL("../../../../crates/countersign/lab/", import.meta.url);

const load = (file) => import(new URL(file, LAB));

export const { decodeBase64url, encodeBase64url, whyNotBase64url } = await load("jose/base64url.js");
export const { checksOf, refusalIn } = await load("jose/checks.js");
export const { DEEPEST, indent, membersOf, readJson } = await load("jose/json.js");
export const { decode, LONGEST_TEXT, LONGEST_TOKEN } = await load("jose/jwt.js");
export const { LONGEST_KEYS, readKeys } = await load("jose/keys.js");
export const { recognise } = await load("jose/recognise.js");
export const { generateKey, signWith } = await load("jose/sign.js");
export const { dateOf, distanceOf, secondsOf } = await load("jose/times.js");
export const { verify } = await load("jose/verify.js");
export const { visible } = await load("jose/visible.js");

export const MEGABYTE = 1_048_576;

/** Accidental and hostile inputs: name → about a megabyte of text. */
export const megabytes = () => ({
  "letters": "a".repeat(MEGABYTE),
  "dots": ".".repeat(MEGABYTE),
  "digits": "9".repeat(MEGABYTE),
  "opening brackets": "[".repeat(MEGABYTE),
  "quotes": '"'.repeat(MEGABYTE),
  "backslashes and quotes": '\\"'.repeat(MEGABYTE / 2),
  "beginnings of tokens": "eyJ".repeat(MEGABYTE / 3),
  "short tokens": "eyJ.".repeat(MEGABYTE / 4),
  "beginnings of PEM": "-----BEGIN ".repeat(MEGABYTE / 11),
  "emoji": "🎉".repeat(MEGABYTE / 2),
  "marks of writing direction": "\u202e".repeat(MEGABYTE),
  "NULs": "\0".repeat(MEGABYTE),
  "spaces": " ".repeat(MEGABYTE),
  "line breaks": "\n".repeat(MEGABYTE),
  "random characters": random(MEGABYTE),
});

/** Any UTF-16 code units, including unpaired surrogates, in the same order each time. */
function random(length) {
  let state = 2_463_534_242;
  return Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return String.fromCharCode(state & 0xffff);
  }).join("");
}

export const encodeText = (text) => Buffer.from(text).toString("base64url");

/** A token with an empty signature. */
export const unsigned = (header, claims) => `${encodeText(header)}.${encodeText(claims)}.`;

export const codes = ({ problems }) => problems.map(({ code }) => code);
