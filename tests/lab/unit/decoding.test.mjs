// Decoding of untrusted tokens, and the limits on the work for it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, decode, encodeText, LONGEST_TEXT, megabytes, unsigned } from "./support/lab.mjs";
import { published } from "./support/vectors.mjs";

const HEADER = '{"alg":"ES256","typ":"at+jwt"}';

test("all parts of a valid token are decoded", () => {
  const { token } = published.find(({ name }) => name.includes("ES256"));
  const decoded = decode(token);
  assert.deepEqual(decoded.problems, []);
  assert.deepEqual(decoded.parts, token.split("."));
  assert.deepEqual(decoded.header, { alg: "ES256" });
  assert.deepEqual(decoded.claims, { iss: "joe", exp: 1300819380, "http://example.com/is_root": true });
  assert.equal(decoded.claimsText.split("\r\n").length, 3);
  assert.equal(decoded.signature.length, 64);
  assert.equal(decoded.signed, token.split(".").slice(0, 2).join("."));
});

const forms = {
  "": ["empty"],
  "word": ["not-three-parts"],
  "a.b": ["not-three-parts"],
  "a.b.c.d": ["not-three-parts"],
  "a.b.c.d.e": ["encrypted"],
};
for (const [text, expected] of Object.entries(forms)) {
  test(`${JSON.stringify(text)} is not a token, and the problem has the right code`, () => {
    const decoded = decode(text);
    assert.deepEqual(codes(decoded), expected);
    assert.deepEqual([decoded.header, decoded.claims, decoded.signature, decoded.parts], [null, null, null, []]);
  });
}

for (const value of [undefined, null, 1, {}, ["a.b.c"]]) {
  test(`${JSON.stringify(value)} instead of a string is reported as empty`, () => assert.deepEqual(codes(decode(value)), ["empty"]));
}

test("the text .. has three parts, and only the empty signature can be read", () => {
  const decoded = decode("..");
  assert.deepEqual(decoded.problems.map(({ part, code }) => [part, code]), [["header", "not-json"], ["claims", "not-json"]]);
  assert.equal(decoded.signature.length, 0);
});

test("the other parts are decoded if one part cannot be read", () => {
  const decoded = decode(`${encodeText(HEADER)}.%%%.QQ`);
  assert.deepEqual(decoded.header, JSON.parse(HEADER));
  assert.equal(decoded.claims, null);
  assert.deepEqual(decoded.problems.map(({ part, code }) => [part, code]), [["claims", "encoding"]]);
  assert.equal(decoded.signature.length, 1);
});

for (const text of ["[]", "null", "1", '"text"']) {
  test(`a payload that is ${text} is rejected, because it is not an object`, () => {
    const decoded = decode(unsigned(HEADER, text));
    assert.equal(decoded.claims, null);
    assert.deepEqual(codes(decoded), ["not-an-object"]);
  });
}

test("bytes that are not UTF-8 are reported", () => {
  const decoded = decode(`${encodeText(HEADER)}.${Buffer.from([0x7b, 0xff, 0x7d]).toString("base64url")}.`);
  assert.deepEqual(codes(decoded), ["not-utf-8"]);
});

test("a byte order mark is rejected", () => {
  assert.deepEqual(codes(decode(unsigned(HEADER, "\ufeff{}"))), ["not-json"]);
});

test("a duplicate name is reported, and the claims are still decoded", () => {
  const decoded = decode(unsigned(HEADER, '{"sub":"1","sub":"2"}'));
  assert.deepEqual(codes(decoded), ["duplicate-name"]);
  assert.deepEqual(decoded.claims, { sub: "2" });
});

test("problems quote only a short part of a long name", () => {
  const name = "n".repeat(20_000);
  const [problem] = decode(unsigned(HEADER, `{"${name}":1,"${name}":2}`)).problems;
  assert.ok(problem.text.length < 250, `${problem.text.length} characters`);
});

for (const [name, text] of Object.entries(megabytes())) {
  test(`a megabyte of ${name} is rejected by the length limit, without decoding`, () => {
    const { result, characters } = counting(() => decode(text));
    assert.deepEqual(codes(result), ["too-long"]);
    assert.equal(characters, 0);
  });
}

const PART = LONGEST_TEXT - 1_000;
const json = (text) => `${encodeText(HEADER)}.${encodeText(text.slice(0, Math.floor((PART * 3) / 4)))}.`;
const large = {
  "dots": ".".repeat(LONGEST_TEXT),
  "brackets": json("[".repeat(PART)),
  "objects in objects": json('{"a":'.repeat(PART)),
  "digits": json(`{"exp":${"9".repeat(45_000)}}`),
  "unterminated strings": json('{"a":"\\"'.repeat(PART)),
  "names": json(`{${Array.from({ length: 4_000 }, (_, index) => `"${index}":1`).join()}}`),
  "one name, thousands of times": json(`{${Array.from({ length: 7_000 }, () => '"a":1').join()}}`),
  "NULs": json("\0".repeat(PART)),
  "emoji": json(`{"a":"${"🎉".repeat(10_000)}"}`),
};
for (const [name, text] of Object.entries(large)) {
  test(`text of the maximum length, made of ${name}, passes through the decoders at most five times`, () => {
    assert.ok(text.length <= LONGEST_TEXT);
    const { result, characters } = counting(() => decode(text));
    assert.ok(Array.isArray(result.problems));
    assert.ok(characters <= 5 * LONGEST_TEXT, `${characters} characters`);
  });
}

/** Counts the characters that `JSON.parse` and `atob` process during `run`. */
function counting(run) {
  const original = { parse: JSON.parse, atob: globalThis.atob };
  let characters = 0;
  const count = (read) => (text, ...rest) => {
    characters += text.length;
    return read(text, ...rest);
  };
  JSON.parse = count(original.parse);
  globalThis.atob = count(original.atob);
  try {
    return { result: run(), characters };
  } finally {
    JSON.parse = original.parse;
    globalThis.atob = original.atob;
  }
}
