// Strict JSON rejects texts that JSON.parse accepts and another parser could read differently.
import assert from "node:assert/strict";
import { test } from "node:test";
import limits from "../src/limits.js";
import { parseStrictJson } from "../src/strict-json.js";

const { jsonDepth } = limits;
const parse = (content) => parseStrictJson(Buffer.from(content), jsonDepth);

test("parses unambiguous JSON as JSON.parse does", () => {
  const texts = [
    "1",
    "null",
    '""',
    '[1,{"a":[true,false,null,-0,1E+2,0.5e-3]}]',
    ' {"a" : {"a" : "a" } , "b" : [ {"a":1} , {"a":1} ] } ',
    '{"\\"a\\"":1,"a\\\\":2,"\\u0062":3,":":4,"{":5,"":6}',
    '{"a":"\\"b\\":1,\\"b\\":2,{[","c":"\\\\"}',
    '{"constructor":1,"toString":2,"valueOf":3}',
    '{"🎉":"\\ud83c\\udf89","\\\\ud83c":"\\\\"}',
  ];
  for (const text of texts) assert.deepEqual(parse(text), JSON.parse(text), text);
});

test("a member named __proto__ is an own property and changes no prototype", () => {
  const value = parse('{"__proto__":{"isAdmin":true}}');
  assert.ok(Object.hasOwn(value, "__proto__"));
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(value.isAdmin, undefined);
});

const rejected = {
  "valid JSON": [
    "",
    "{",
    "{}x",
    "{}{}",
    "\ufeff{}",
    "{}\ufeff",
    "{'a':1}",
    '{"a":01}',
    "NaN",
    '{"a":1,}',
    '"\t"',
    "\u00a01",
  ],
  "duplicate members": [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"a/":1,"a\\/":2}',
    '{"\\n":1,"\\u000a":2}',
    '{"x":{"a":1,"b":{},"a":2}}',
    '[[{"a":1},{"a":[{"b":1}],"b":2,"a":3}]]',
    '{"a":{"b":[1,2,{"c":3}]},"b":1,"a" : 2}',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
    '{"\\"":1,"\\u0022":2}',
  ],
  "unpaired surrogate": [
    '"\\ud83d"',
    '"\\ude00"',
    '{"\\udfff":1}',
    '["\\ud83dx"]',
    '"\\ud83d\\ud83d\\ude00"',
    '"\\ude00\\ud83d"',
  ],
  "out of range": ["1e400", "-1e400", '{"a":[1e999]}', "9".repeat(400)],
};
for (const [what, texts] of Object.entries(rejected)) {
  test(`rejects JSON: ${what}`, () => {
    for (const text of texts) assert.throws(() => parse(text), new RegExp(what), text);
  });
}

test("bytes that are not UTF-8 are refused", () => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc3, 0x22],
    [0x22, 0xed, 0xa0, 0xbd, 0x22],
    [0x31, 0xc0, 0x80],
  ]) {
    assert.throws(() => parse(Uint8Array.from(bytes)), /UTF-8/, String(bytes));
  }
});

test("limits the depth of objects and arrays", () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ]) {
    const nested = (depth) => `${open.repeat(depth - 1)}[]${close.repeat(depth - 1)}`;
    parse(nested(jsonDepth));
    assert.throws(() => parse(nested(jsonDepth + 1)), /more than 64 levels/);
    assert.throws(() => parse(nested(50_000)), /more than 64 levels/);
  }
  parse(`["${"[{".repeat(1_000)}"]`);
});

test("error messages do not quote the text", () => {
  for (const text of ['{"secret"', '{"secret":1,"secret":2}', '{"secret":"\\ud83d"}', '{"secret":1e400}']) {
    assert.throws(
      () => parse(text),
      ({ message }) => !message.includes("secret"),
    );
  }
});

test("parses documents of the largest size, whatever they contain", () => {
  const size = limits.pageSize;
  const list = (item, count) => `[${Array(Math.floor(count)).fill(item).join()}]`;
  const documents = {
    escapes: `"${'\\"'.repeat(size / 2)}"`,
    backslashes: `"${"\\\\".repeat(size / 2)}"`,
    "Unicode escapes": `"${"\\u0041".repeat(size / 6)}"`,
    letters: `"${"a".repeat(size)}"`,
    strings: list('""', size / 3),
    objects: list('{"a":{}}', size / 9),
    digits: list("9".repeat(300), size / 301),
  };
  for (const [what, text] of Object.entries(documents)) assert.deepEqual(parse(text), JSON.parse(text), what);
});
