// Reading JSON, reporting ambiguous content, and indenting without changes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, DEEPEST, indent, membersOf, readJson } from "./support/lab.mjs";

test("unambiguous JSON is read without problems", () => {
  assert.deepEqual(readJson('{"a":[1,{"b":null}],"c":"d"}'), { value: { a: [1, { b: null }], c: "d" }, problems: [] });
});

for (const text of ["", "{", "{}x", "{'a':1}", '{"a":01}', "\ufeff{}", "undefined", '{"a":1,}', "NaN"]) {
  test(`${JSON.stringify(text)} is not JSON`, () => {
    const read = readJson(text);
    assert.equal(read.value, undefined);
    assert.deepEqual(codes(read), ["not-json"]);
  });
}

const repeated = {
  "at the top": '{"aud":"a","aud":"b"}',
  "inside": '{"a":{"b":1,"b":1}}',
  "inside a list": '[{"a":1},{"b":1,"b":2}]',
  "with a container between": '{"a":{"x":[1]},"b":1,"a":2}',
  "in two spellings": '{"a":1,"\\u0061":2}',
  "as __proto__": '{"__proto__":1,"__proto__":2}',
};
for (const [where, text] of Object.entries(repeated)) {
  test(`a duplicate name is reported: ${where}`, () => assert.deepEqual(codes(readJson(text)), ["duplicate-name"]));
}

test("the same name in two objects, or as a value, is not a duplicate", () => {
  assert.deepEqual(readJson('{"a":{"a":"a"},"b":[{"a":1},{"a":"a:"}],"c":"\\"a\\":1"}').problems, []);
});

test("names of Object.prototype members are not duplicates", () => {
  assert.deepEqual(readJson('{"constructor":1,"toString":2,"hasOwnProperty":3}').problems, []);
});

test("a number that overflows a double is reported, also in nested values", () => {
  assert.deepEqual(codes(readJson('{"exp":1e400}')), ["number"]);
  assert.deepEqual(codes(readJson(`[{"a":[${"9".repeat(400)}]}]`)), ["number"]);
});

for (const text of ['"\\ud83d"', '"\\ude00"', '{"\\udfff":1}', '{"a":["x\\ud83dx"]}', '"\\ude00\\ud83d"']) {
  test(`an unpaired surrogate is reported: ${text}`, () => assert.deepEqual(codes(readJson(text)), ["surrogate"]));
}

test("a surrogate pair and an escaped backslash before a u are accepted", () => {
  assert.deepEqual(readJson('{"\\ud83d\\ude00":"\\\\ud83d"}').problems, []);
});

test("64 levels are read and 65 are not", () => {
  const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);
  assert.deepEqual(readJson(nested(DEEPEST)).problems, []);
  const deep = readJson(nested(DEEPEST + 1));
  assert.equal(deep.value, undefined);
  assert.deepEqual(codes(deep), ["too-deep"]);
});

test("brackets inside strings do not count as levels", () => {
  assert.deepEqual(readJson(`{"a":"${"[{".repeat(500)}"}`).problems, []);
});

test("indenting changes only whitespace between tokens", () => {
  const text = '{"a":1e3,"a":[],"b":{},"c":[1,{"d":"x, y: {z}"}],"e":12345678901234567890,"f":"\\u0041"}';
  const indented = indent(text);
  assert.equal(indented.replace(/\n */g, "").replaceAll('": ', '":'), text);
  assert.deepEqual(JSON.parse(indented), JSON.parse(text));
});

test("indenting equals JSON.stringify with two spaces", () => {
  const value = { a: 1, b: [], c: {}, d: [1, [2, { e: "f" }], "g"], h: { i: { j: null } } };
  assert.equal(indent(JSON.stringify(value)), JSON.stringify(value, null, 2));
});

test("members keep their order, their text and duplicates", () => {
  const text = '{ "a" : 1.50, "b":{"x":[1,{"y":":"}]} , "a":[],"c":"}{,:","d":{"e":1}}';
  assert.deepEqual(membersOf(text), [
    ["a", "1.50"],
    ["b", '{"x":[1,{"y":":"}]}'],
    ["a", "[]"],
    ["c", '"}{,:"'],
    ["d", '{"e":1}'],
  ]);
  assert.deepEqual(membersOf("{}"), []);
});
