// The compact serialization: three parts in canonical base64url, separated by two dots (RFC 7515 §2 and §7.1).
import { accept, refuse } from "./case.mjs";
import { CLAIMS, encode, HEADER, ofClaims, ofContents, ofLength, ofParts } from "../token.mjs";

/** The maximum length of a token, in characters. */
const LONGEST = 16_384;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export const encoding = () => [...padding(), ...spellings(), ...whitespace(), ...parts(), ...lengths()];

/** A part whose bytes leave `remainder` when divided by three: standard base64 pads 1 and 2, but not 0. */
function partOf(object, remainder) {
  for (let filler = ""; ; filler += "?") {
    const text = JSON.stringify({ ...object, filler });
    if (Buffer.byteLength(text) % 3 === remainder) return encode(text);
  }
}

const header = (remainder) => partOf(HEADER, remainder);
const payload = (remainder) => partOf(CLAIMS, remainder);
const padded = (part) => part.padEnd(Math.ceil(part.length / 4) * 4, "=");

/** The same part with the lowest unused bit of its last character set. */
const withTrailingBit = (part) => part.slice(0, -1) + ALPHABET[ALPHABET.indexOf(part.at(-1)) | 1];

const padding = () => [
  ...[0, 1, 2].map((remainder) =>
    accept(
      `parts of ${remainder} bytes beyond a multiple of three`,
      ofParts(header(remainder), payload(remainder)),
      "no padding is needed",
    ),
  ),
  refuse("header with ==", ofParts(padded(header(1)), payload(0)), "base64url in a token has no padding"),
  refuse("header with =", ofParts(padded(header(2)), payload(0)), "base64url in a token has no padding"),
  refuse("payload with ==", ofParts(header(0), padded(payload(1))), "base64url in a token has no padding"),
  refuse("payload with =", ofParts(header(0), padded(payload(2))), "base64url in a token has no padding"),
  refuse(
    "payload with ==== after whole groups",
    ofParts(header(0), `${payload(0)}====`),
    "base64url in a token has no padding",
  ),
  refuse("signature with ==", `${ofClaims({})}==`, "base64url in a token has no padding"),
  refuse("signature with =", `${ofClaims({})}=`, "base64url in a token has no padding"),
];

const spellings = () => [
  refuse(
    "header with trailing bits, one byte",
    ofParts(withTrailingBit(header(1)), payload(0)),
    "the unused bits of the last character must be zero",
  ),
  refuse(
    "header with trailing bits, two bytes",
    ofParts(withTrailingBit(header(2)), payload(0)),
    "the unused bits of the last character must be zero",
  ),
  refuse(
    "payload with trailing bits, one byte",
    ofParts(header(0), withTrailingBit(payload(1))),
    "the unused bits of the last character must be zero",
  ),
  refuse(
    "payload with trailing bits, two bytes",
    ofParts(header(0), withTrailingBit(payload(2))),
    "the unused bits of the last character must be zero",
  ),
  refuse("signature with trailing bits", withTrailingBit(ofClaims({})), "the unused bits of the last character must be zero"),
  accept(
    "parts with - and _",
    ofParts(encode(JSON.stringify({ ...HEADER, x: "ÿ??>" })), encode(JSON.stringify({ ...CLAIMS, x: "ÿ?>~ÿ>?" }))),
    "the alphabet of base64url",
  ),
  refuse(
    "header in the standard alphabet",
    ofParts(standard({ ...HEADER, x: "???>>>ÿÿÿ" }), payload(0)),
    "base64url has - and _ instead of + and /",
  ),
  refuse(
    "payload in the standard alphabet",
    ofParts(header(0), standard({ ...CLAIMS, x: "???>>>ÿÿÿ" })),
    "base64url has - and _ instead of + and /",
  ),
  refuse("signature in the standard alphabet", inStandardSignature(), "base64url has - and _ instead of + and /"),
  refuse("payload with one character too many", ofParts(header(0), `${payload(0)}A`), "base64url text cannot have this length"),
  refuse("header with one character too many", ofParts(`${header(0)}A`, payload(0)), "base64url text cannot have this length"),
  refuse("payload with a character that is not ASCII", ofParts(header(0), `${payload(0)}é`), "not in the alphabet"),
  refuse("payload with a NUL", ofParts(header(0), `${payload(0)}\0`), "not in the alphabet"),
  refuse("payload with %3D", ofParts(header(0), `${payload(2)}%3D`), "not in the alphabet"),
  refuse(
    "payload that is not encoded",
    ofParts(header(0), JSON.stringify(CLAIMS).replaceAll(".", "")),
    "not in the alphabet",
  ),
];

/** The part in standard base64. Its text contains + or /, and does not need padding. */
function standard(object) {
  for (let filler = ""; ; filler += "?") {
    const text = Buffer.from(JSON.stringify({ ...object, filler })).toString("base64");
    if (/[+/]/.test(text) && !text.endsWith("=")) return text;
  }
}

/** A token whose signature contains + or / in standard base64. */
function inStandardSignature() {
  for (let number = 0; ; number += 1) {
    const [head, body, signature] = ofClaims({ jti: `token-${number}` }).split(".");
    if (/[-_]/.test(signature)) return `${head}.${body}.${signature.replaceAll("-", "+").replaceAll("_", "/")}`;
  }
}

const whitespace = () => {
  const [head, body, signature] = ofClaims({}).split(".");
  const [front, back] = [body.slice(0, 40), body.slice(40)];
  return [
    refuse("a signed space before the token", ofParts(` ${head}`, body), "whitespace is not in the alphabet"),
    refuse("a space after the token", `${head}.${body}.${signature} `, "whitespace is not in the alphabet"),
    refuse("a line break after the token", `${head}.${body}.${signature}\n`, "whitespace is not in the alphabet"),
    refuse("a signed line break after the first dot", ofParts(head, `\n${body}`), "whitespace is not in the alphabet"),
    refuse(
      "a signed line break inside the payload",
      ofParts(head, `${front}\n${back}`),
      "whitespace is not in the alphabet",
    ),
    refuse("a signed space inside the payload", ofParts(head, `${front} ${back}`), "whitespace is not in the alphabet"),
    refuse(
      "a signed tab inside the header",
      ofParts(`${head.slice(0, 8)}\t${head.slice(8)}`, body),
      "whitespace is not in the alphabet",
    ),
    refuse("a line break after the second dot", `${head}.${body}.\n${signature}`, "whitespace is not in the alphabet"),
    refuse("Bearer before the token", ofParts(`Bearer ${head}`, body), "the scheme is not part of the token"),
  ];
};

const parts = () => {
  const token = ofClaims({});
  const [head, body, signature] = token.split(".");
  return [
    refuse("the empty text", "", "a token has three parts"),
    refuse("one part", head, "a token has three parts"),
    refuse("two parts", `${head}.${body}`, "a token has three parts"),
    refuse("four parts", `${token}.${signature}`, "a token has three parts"),
    refuse("five parts", `${token}.${body}.${signature}`, "a token has three parts; five make a JWE"),
    refuse(
      "a JWE header and five parts",
      `${encode('{"alg":"dir","enc":"A256GCM"}')}..AAAA.AAAA.AAAA`,
      "a token has three parts; five make a JWE",
    ),
    refuse("a dot before the token", `.${token}`, "a token has three parts"),
    refuse("a dot after the token", `${token}.`, "a token has three parts"),
    refuse("two dots in a row", `${head}..${body}.${signature}`, "a token has three parts"),
    refuse("only dots", "..", "no part may be empty"),
    refuse("empty header", ofParts("", body), "no part may be empty"),
    refuse("empty payload", ofParts(head, ""), "no part may be empty"),
    refuse("empty signature", `${head}.${body}.`, "no part may be empty"),
    refuse("a tilde after the token", `${token}~`, "not in the alphabet; SD-JWT is another format"),
    refuse("header and payload as empty objects", ofContents("{}", "{}"), "the header has no alg"),
    refuse("header and payload swapped", ofParts(body, head), "the header has no alg"),
  ];
};

const lengths = () => [
  accept("the longest token", ofLength(LONGEST), "the maximum is 16,384 characters"),
  refuse("one character too long", ofLength(LONGEST + 1), "the maximum is 16,384 characters"),
];
