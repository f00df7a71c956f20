// Base64url: one spelling for each value.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64url, encodeBase64url, MEGABYTE, whyNotBase64url } from "./support/lab.mjs";

test("every length of bytes comes back as it went, spelt as others spell it", () => {
  for (let length = 0; length < 70; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 83 + length) & 0xff);
    const text = encodeBase64url(bytes);
    assert.equal(text, Buffer.from(bytes).toString("base64url"));
    assert.deepEqual(decodeBase64url(text), bytes);
  }
});

test("a megabyte of bytes is encoded and decoded", () => {
  const bytes = new Uint8Array(MEGABYTE).fill(0xa5);
  assert.deepEqual(decodeBase64url(encodeBase64url(bytes)), bytes);
});

const refused = {
  "padding": ["QQ==", /padded/],
  "the other alphabet": ["ab+/", /other alphabet/],
  "a space": ["QQ Q", /characters/],
  "a line break": ["QUJD\n", /characters/],
  "a letter that only looks like one": ["QUЈD", /characters/],
  "a NUL": ["QU\0D", /characters/],
  "a single character": ["A", /length/],
  "five characters": ["AAAAA", /length/],
  "four unused bits that are set": ["QR", /unusual way/],
  "two unused bits that are set": ["QUJ", /unusual way/],
};
for (const [name, [text, why]] of Object.entries(refused)) {
  test(`${name} is refused, and named`, () => {
    assert.equal(decodeBase64url(text), null);
    assert.match(whyNotBase64url(text), why);
  });
}

test("of all spellings of one byte only one is taken", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const taken = [...alphabet].map((last) => `Q${last}`).filter((text) => decodeBase64url(text) !== null);
  assert.deepEqual(taken, ["QA", "QQ", "Qg", "Qw"]);
});
