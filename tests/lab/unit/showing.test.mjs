// Escaping of untrusted text, and formatting of times.
import assert from "node:assert/strict";
import { test } from "node:test";
import { dateOf, distanceOf, secondsOf, visible } from "./support/lab.mjs";

test("ordinary text of any language is not changed", () => {
  const texts = ["John Doe", "Zoë", "שלום", "日本語", "🎉", "a  b", "¡"];
  for (const text of texts) assert.equal(visible(text, 100), text);
});

test("joiners inside emoji sequences are kept, and other joiners are escaped", () => {
  for (const text of ["👩‍💻", "👩🏽‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👩‍❤️‍👨"]) assert.equal(visible(`a ${text}`, 100), `a ${text}`);
  assert.equal(visible("ad\u200dmin", 100), "ad\\u{200d}min");
  assert.equal(visible("🎉\u200d", 100), "🎉\\u{200d}");
  assert.equal(visible("1\u200d🎉", 100), "1\\u{200d}🎉", "a digit before a joiner");
  assert.equal(visible("🎉\u200d\u200d🎉", 100), "🎉\\u{200d}\\u{200d}🎉");
});

test("a variation selector is kept only after characters that have two forms", () => {
  for (const text of ["\u2764\ufe0f", "1\ufe0f\u20e3"]) assert.equal(visible(text, 100), text);
  for (const sign of ["1", "a", "🎉"]) assert.equal(visible(`${sign}\ufe0f`, 100), `${sign}\\u{fe0f}`);
});

const unseen = {
  "\0": "\\u{0}",
  "\u202e": "\\u{202e}",
  "\u2066": "\\u{2066}",
  "\u200b": "\\u{200b}",
  "\u200f": "\\u{200f}",
  "\ufeff": "\\u{feff}",
  "\u2028": "\\u{2028}",
  "\ud800": "\\u{d800}",
  "\u{e0041}": "\\u{e0041}",
  "\u{e0100}": "\\u{e0100}",
  "\u00ad": "\\u{ad}",
  "\u034f": "\\u{34f}",
  "\u115f": "\\u{115f}",
  "\u3164": "\\u{3164}",
  "\uffa0": "\\u{ffa0}",
  "\u17b4": "\\u{17b4}",
  "\u180b": "\\u{180b}",
  "\u2800": "\\u{2800}",
  "\u00a0": "\\u{a0}",
  "\u2003": "\\u{2003}",
  "\u202f": "\\u{202f}",
  "\u3000": "\\u{3000}",
  "\n": "\\u{a}",
  "\u001b": "\\u{1b}",
};
for (const [character, spelt] of Object.entries(unseen)) {
  test(`${spelt} is escaped`, () => assert.equal(visible(`a${character}b`, 100), `a${spelt}b`));
}

test("line breaks are kept with the option lines", () => assert.equal(visible("a\n\tb", 100, { lines: true }), "a\n\\u{9}b"));

test("long text is cut, with the number of missing characters", () => {
  assert.equal(visible("abcdef", 6), "abcdef");
  assert.equal(visible("abcdefgh", 6), "abcdef… (2 more characters)");
  assert.ok(visible("\u202e".repeat(60_000), 1_000).length < 9_000);
});

test("a surrogate that is left by a cut is escaped", () => {
  assert.equal(visible("🎉🎉", 3), "🎉\\u{d83c}… (1 more characters)");
});

const moments = [
  [1_800_000_000, 1_800_000_000],
  [1.9, 1],
  [0, 0],
  [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [-1, null],
  [2 ** 60, null],
  [Infinity, null],
  [NaN, null],
  ["1800000000", null],
  [null, null],
  [undefined, null],
  [[1], null],
  [true, null],
];
for (const [value, seconds] of moments) {
  test(`${JSON.stringify(value) ?? value} (${typeof value}) as a time is ${seconds}`, () => assert.equal(secondsOf(value), seconds));
}

test("a time is shown as a UTC date, up to the last date that JavaScript has", () => {
  assert.equal(dateOf(1_800_000_000), "2027-01-15 08:00:00 UTC");
  assert.equal(dateOf(0), "1970-01-01 00:00:00 UTC");
  assert.match(dateOf(8.64e12), /^\+275760-09-13/);
  assert.equal(dateOf(8.64e12 + 1), null);
});

const distances = [
  [0, "now"],
  [12, "in 12 s"],
  [-1, "1 s ago"],
  [59, "in 59 s"],
  [60, "in 1 min"],
  [119, "in 1 min"],
  [-180, "3 min ago"],
  [7_200, "in 2 h"],
  [86_400, "in 1 day"],
  [-172_800, "2 days ago"],
  [40 * 86_400, "in 1 month"],
  [-800 * 86_400, "2 years ago"],
  [1e12, "in 31,688 years"],
];
for (const [distance, words] of distances) {
  test(`${distance} seconds from now is "${words}"`, () => assert.equal(distanceOf(1e9 + distance, 1e9 + 0.4), words));
}
