// Base64url accepts only the canonical encoding of each value.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64url, encodeBase64url, MEGABYTE, whyNotBase64url } from "./support/lab.mjs";

test("bytes of every length round-trip, and the text equals that of Node's encoder", () => {
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
  "the standard base64 alphabet": ["ab+/", /standard base64 alphabet/],
  "a space": ["QQ Q", /characters/],
  "a line break": ["QUJD\n", /characters/],
  "a Cyrillic letter that looks like a Latin one": ["QUЈD", /characters/],
  "a NUL": ["QU\0D", /characters/],
  "a single character": ["A", /length/],
  "five characters": ["AAAAA", /length/],
  "four unused bits that are set": ["QR", /canonical/],
  "two unused bits that are set": ["QUJ", /canonical/],
};
for (const [name, [text, why]] of Object.entries(refused)) {
  test(`rejected with its reason: ${name}`, () => {
    assert.equal(decodeBase64url(text), null);
    assert.match(whyNotBase64url(text), why);
  });
}

test("only one of the possible encodings of a byte is accepted", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const accepted = [...alphabet].map((last) => `Q${last}`).filter((text) => decodeBase64url(text) !== null);
  assert.deepEqual(accepted, ["QA", "QQ", "Qg", "Qw"]);
});
