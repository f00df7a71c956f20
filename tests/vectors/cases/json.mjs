// The JSON of header and payload, which must be unambiguous (RFC 8259, and RFC 7515 §4 on repeated members).
import { accept, refuse } from "./case.mjs";
import {
  arrays,
  CLAIMS,
  HEADER,
  objects,
  ofClaimText,
  ofContents,
  ofHeaderText,
  ofMoreClaims,
  ofMoreHeader,
  ofPayloadText,
} from "../token.mjs";

/** The maximum nesting of arrays and objects, including the object of the claims. */
const DEEPEST = 64;

const HEADER_TEXT = JSON.stringify(HEADER);
const PAYLOAD_TEXT = JSON.stringify(CLAIMS);

export const json = () => [...documents(), ...repeated(), ...depth(), ...unicode(), ...numbers()];

const documents = () => [
  accept(
    "whitespace around and inside the JSON",
    ofPayloadText(` \t\r\n${JSON.stringify(CLAIMS, null, 2)} \t\r\n`),
    "JSON allows it",
  ),
  refuse("BOM before the header", ofHeaderText(`\ufeff${HEADER_TEXT}`), "JSON does not begin with a byte order mark"),
  refuse(
    "BOM before the payload",
    ofPayloadText(`\ufeff${PAYLOAD_TEXT}`),
    "JSON does not begin with a byte order mark",
  ),
  refuse("BOM after the payload", ofPayloadText(`${PAYLOAD_TEXT}\ufeff`), "a byte order mark is not whitespace"),
  refuse(
    "two BOMs before the payload",
    ofPayloadText(`\ufeff\ufeff${PAYLOAD_TEXT}`),
    "JSON does not begin with a byte order mark",
  ),
  refuse("text after the header", ofHeaderText(`${HEADER_TEXT}x`), "nothing may follow the JSON"),
  refuse("text after the payload", ofPayloadText(`${PAYLOAD_TEXT}x`), "nothing may follow the JSON"),
  refuse("a NUL after the payload", ofPayloadText(`${PAYLOAD_TEXT}\0`), "nothing may follow the JSON"),
  refuse("a second object after the payload", ofPayloadText(`${PAYLOAD_TEXT}{}`), "nothing may follow the JSON"),
  refuse("payload cut off", ofPayloadText(PAYLOAD_TEXT.slice(0, -1)), "the object is not closed"),
  refuse("payload with a trailing comma", ofPayloadText(PAYLOAD_TEXT.replace(/\}$/, ",}")), "not JSON"),
  refuse("payload with a comment", ofPayloadText(`/**/${PAYLOAD_TEXT}`), "JSON has no comments"),
  refuse(
    "payload with a no-break space",
    ofPayloadText(`\u00a0${PAYLOAD_TEXT}`),
    "JSON has four whitespace characters only",
  ),
  refuse("payload in single quotes", ofPayloadText(PAYLOAD_TEXT.replaceAll('"', "'")), "not JSON"),
  refuse("payload in UTF-16", ofContents(HEADER_TEXT, Buffer.from(PAYLOAD_TEXT, "utf16le")), "JSON is UTF-8"),
  ...["[]", "null", '"text"', "1", "true"].flatMap((text) => [
    refuse(`header ${text}`, ofHeaderText(text), "the header must be an object"),
    refuse(`payload ${text}`, ofPayloadText(text), "the payload must be an object"),
  ]),
  refuse("payload as an array of one object", ofPayloadText(`[${PAYLOAD_TEXT}]`), "the payload must be an object"),
];

const repeated = () => [
  refuse("header repeats alg", ofMoreHeader('"alg":"ES256"'), "a repeated member is ambiguous, even with equal values"),
  refuse(
    "header repeats alg as none",
    ofHeaderText(HEADER_TEXT.replace("{", '{"alg":"none",')),
    "a repeated member is ambiguous",
  ),
  refuse(
    "header repeats kid with an escape",
    ofMoreHeader('"\\u006bid":"test-only"'),
    "an escaped name is the same name",
  ),
  refuse(
    "header repeats a member in a nested object",
    ofMoreHeader('"x":{"a":1,"a":1}'),
    "a repeated member is ambiguous at every level",
  ),
  refuse("payload repeats sub", ofMoreClaims('"sub":"admin"'), "a repeated member is ambiguous"),
  refuse(
    "payload repeats sub with the same value",
    ofMoreClaims(`"sub":"${CLAIMS.sub}"`),
    "a repeated member is ambiguous, even with equal values",
  ),
  refuse("payload repeats exp", ofMoreClaims('"exp":9000000000'), "a repeated member is ambiguous"),
  refuse(
    "payload repeats sub with an escape",
    ofMoreClaims('"\\u0073ub":"admin"'),
    "an escaped name is the same name",
  ),
  refuse(
    "payload repeats sub with every letter escaped",
    ofMoreClaims('"\\u0073\\u0075\\u0062":"admin"'),
    "an escaped name is the same name",
  ),
  refuse(
    "payload repeats a name with a slash, once escaped",
    ofMoreClaims('"a/b":1,"a\\/b":2'),
    "an escaped name is the same name",
  ),
  refuse(
    "payload repeats a name with an escape in each case",
    ofMoreClaims('"\\u00e9":1,"\\u00E9":2'),
    "an escaped name is the same name",
  ),
  refuse(
    "payload repeats an emoji as a surrogate pair",
    ofMoreClaims('"🎉":1,"\\ud83c\\udf89":2'),
    "an escaped name is the same name",
  ),
  refuse("payload repeats the empty name", ofMoreClaims('"":1,"":2'), "a repeated member is ambiguous"),
  refuse("payload repeats __proto__", ofMoreClaims('"__proto__":1,"__proto__":2'), "__proto__ is an ordinary name"),
  refuse(
    "payload repeats a member in a nested object",
    ofMoreClaims('"cnf":{"jkt":"a","jkt":"b"}'),
    "a repeated member is ambiguous at every level",
  ),
  refuse(
    "payload repeats a member in an object in an array",
    ofMoreClaims('"list":[1,[{"a":1,"b":{},"a":2}]]'),
    "a repeated member is ambiguous at every level",
  ),
  refuse(
    "payload repeats a member after a nested object",
    ofMoreClaims('"x":{"y":{"z":1}},"x":1'),
    "a repeated member is ambiguous",
  ),
  accept(
    "the same name in different objects",
    ofMoreClaims('"a":{"a":{"a":1}},"list":[{"a":1},{"a":1}],"sub2":"sub"'),
    "names are unique within one object",
  ),
  accept(
    "a string that looks like repeated members",
    ofMoreClaims('"text":"\\"sub\\":1,\\"sub\\":2","a":["sub","sub"]'),
    "values are not names",
  ),
  accept("names that differ in case", ofMoreClaims('"Sub":1,"SUB":2'), "names are compared character by character"),
  accept(
    "names that differ in their Unicode normal form",
    ofMoreClaims('"\u00e9":1,"e\u0301":2'),
    "names are compared character by character",
  ),
  accept(
    "claims named like members of Object.prototype",
    ofMoreClaims('"__proto__":{"a":1},"constructor":1,"toString":2,"hasOwnProperty":3'),
    "they are ordinary names",
  ),
];

const depth = () => [
  accept(
    `payload ${DEEPEST} levels deep, arrays`,
    ofMoreClaims(`"a":${arrays(DEEPEST - 1)}`),
    "the maximum depth",
  ),
  accept(
    `payload ${DEEPEST} levels deep, objects`,
    ofMoreClaims(`"a":${objects(DEEPEST - 1)}`),
    "the maximum depth",
  ),
  accept(`header ${DEEPEST} levels deep`, ofMoreHeader(`"a":${arrays(DEEPEST - 1)}`), "the maximum depth"),
  refuse(`payload ${DEEPEST + 1} levels deep, arrays`, ofMoreClaims(`"a":${arrays(DEEPEST)}`), "nested too deeply"),
  refuse(`payload ${DEEPEST + 1} levels deep, objects`, ofMoreClaims(`"a":${objects(DEEPEST)}`), "nested too deeply"),
  refuse(`header ${DEEPEST + 1} levels deep`, ofMoreHeader(`"a":${arrays(DEEPEST)}`), "nested too deeply"),
  refuse("payload 1,000 levels deep", ofMoreClaims(`"a":${arrays(1_000)}`), "nested too deeply"),
  accept("brackets inside a string", ofMoreClaims(`"a":"${"[{".repeat(200)}"`), "brackets in a string are not levels"),
];

/** A token whose payload has these bytes as the value of a claim. */
function payloadBytes(...bytes) {
  const [before, after] = JSON.stringify({ ...CLAIMS, name: "?" }).split("?");
  return ofContents(HEADER_TEXT, Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]));
}

const unicode = () => [
  refuse("a byte that is not UTF-8", payloadBytes(0xff), "JSON is UTF-8"),
  refuse("a UTF-8 sequence that is cut off", payloadBytes(0xc3), "JSON is UTF-8"),
  refuse("an overlong UTF-8 sequence", payloadBytes(0xc1, 0xa1), "each character has one UTF-8 encoding"),
  refuse("a surrogate in UTF-8", payloadBytes(0xed, 0xa0, 0xbd), "UTF-8 has no surrogates"),
  refuse("a character beyond U+10FFFF", payloadBytes(0xf4, 0x90, 0x80, 0x80), "it is not a Unicode character"),
  refuse(
    "a header that is not UTF-8",
    ofContents(
      Buffer.concat([Buffer.from(HEADER_TEXT.replace("}", ',"x":"')), Buffer.of(0xff), Buffer.from('"}')]),
      PAYLOAD_TEXT,
    ),
    "JSON is UTF-8",
  ),
  refuse("a high surrogate without its pair", ofMoreClaims('"a":"\\ud83d"'), "an unpaired surrogate is not a character"),
  refuse("a low surrogate without its pair", ofMoreClaims('"a":"\\ude00"'), "an unpaired surrogate is not a character"),
  refuse("surrogates in the wrong order", ofMoreClaims('"a":"\\ude00\\ud83d"'), "an unpaired surrogate is not a character"),
  refuse(
    "a high surrogate before another escape",
    ofMoreClaims('"a":"\\ud83d\\u0041"'),
    "an unpaired surrogate is not a character",
  ),
  refuse("a surrogate without its pair in a name", ofMoreClaims('"\\ud83d":1'), "an unpaired surrogate is not a character"),
  refuse(
    "a surrogate without its pair in a nested claim",
    ofMoreClaims('"a":[{"b":"x\\udfffx"}]'),
    "an unpaired surrogate is not a character",
  ),
  refuse("a surrogate without its pair in the header", ofMoreHeader('"a":"\\ud83d"'), "an unpaired surrogate is not a character"),
  accept("a surrogate pair as escapes", ofMoreClaims('"a":"\\ud83d\\ude00"'), "a pair of escapes is one character"),
  accept(
    "an escaped backslash before a u",
    ofMoreClaims('"a":"\\\\ud83d"'),
    "it is the text \\ud83d and not an escape",
  ),
  accept(
    "registered names written with escapes",
    ofPayloadText(PAYLOAD_TEXT.replace('"sub"', '"\\u0073ub"').replace('"iss"', '"\\u0069\\u0073\\u0073"')),
    "an escaped name is the same name",
  ),
  accept("NUL as an escape", ofMoreClaims('"a":"\\u0000"'), "a string may contain an escaped NUL"),
  accept("U+2028 and U+007F in a string", ofMoreClaims('"a":"\u2028\u007f"'), "JSON requires no escapes for them"),
  refuse("a tab in a string", ofMoreClaims('"a":"\t"'), "control characters must be escaped"),
  refuse("a NUL in a string", ofMoreClaims('"a":"\0"'), "control characters must be escaped"),
  refuse("an unknown escape", ofMoreClaims('"a":"\\x41"'), "JSON has no such escape"),
  refuse("a short escape", ofMoreClaims('"a":"\\u41"'), "four digits follow \\u"),
];

const notNumbers = ["NaN", "Infinity", "-Infinity", "0x10", "01", "-01", "1.", ".5", "+1", "1e", "1_000"];

const numbers = () => [
  ...notNumbers.map((text) => refuse(`exp as ${text}`, ofClaimText("exp", text), "JSON has no such number")),
  refuse("1e400 in a custom claim", ofMoreClaims('"balance":1e400'), "beyond the range of a double"),
  refuse("-1e400 in a nested claim", ofMoreClaims('"a":[{"b":-1e400}]'), "beyond the range of a double"),
  refuse("an integer of 400 digits", ofMoreClaims(`"a":${"9".repeat(400)}`), "beyond the range of a double"),
  refuse("1e400 in the header", ofMoreHeader('"a":1e400'), "beyond the range of a double"),
  accept("1e308 in a custom claim", ofMoreClaims('"a":1e308'), "within the range of a double"),
  accept("1e-400 in a custom claim", ofMoreClaims('"a":1e-400'), "it is read as zero"),
  accept("an integer of 30 digits", ofMoreClaims(`"a":${"9".repeat(30)}`), "within the range of a double"),
  accept(
    "valid number formats",
    ofMoreClaims('"a":[0,-0,0.0,1E+2,1e-2,-1.5e3,9007199254740993]'),
    "all of them are JSON",
  ),
];
