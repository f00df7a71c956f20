// The fields of a refresh token, in its bytes and in its text.
import assert from "node:assert/strict";
import { test } from "node:test";

const { cutRefreshToken, readRefreshToken } = await import("../../../crates/countersign/lab/refresh-token.js");

/** By default, the value of each byte is its position. */
const token = (bytes = Array.from({ length: 66 }, (_, index) => index)) =>
  `csr_${Buffer.from(bytes).toString("base64url")}`;

test("each field is read from its own bytes", () => {
  assert.deepEqual(readRefreshToken(token()), {
    version: 0,
    keyId: 1,
    sessionId: "02030405-0607-0809-0a0b-0c0d0e0f1011",
    generation: 0x12131415,
    issuedAt: 0x16171819,
    bind: "1a1b1c1d1e1f2021",
    secret: "22232425262728292a2b2c2d2e2f3031",
    tag: "32333435363738393a3b3c3d3e3f4041",
  });
});

test("the largest numbers are read as positive", () => {
  const { generation, issuedAt } = readRefreshToken(token(Array(66).fill(0xff)));
  assert.deepEqual([generation, issuedAt], [4_294_967_295, 4_294_967_295]);
});

const others = {
  "a part of an access token": "eyJhbGciOiJFUzI1NiJ9",
  "a token that is one byte too short": token(Array(65).fill(1)),
  "a token that is one byte too long": token(Array(67).fill(1)),
  "a token with padding": `${token()}==`,
  "a token in the standard base64 alphabet": token(Array(66).fill(0xff)).replaceAll("_", "/").replace("csr/", "csr_"),
  "a token without its prefix": token().slice(4),
  "a number": 1,
  "an undefined value": undefined,
};
for (const [name, text] of Object.entries(others)) {
  test(`${name} is not a refresh token`, () => assert.equal(readRefreshToken(text), null));
}

test("the segments of the text join to the text, and a shared character counts to the field with more of its bits", () => {
  const segments = cutRefreshToken(token());
  assert.equal(segments.map(({ text }) => text).join(""), token());
  assert.deepEqual(
    segments.map(({ name, text }) => [name, text.length]),
    [
      ["prefix", 4],
      ["version", 1],
      ["keyId", 2],
      ["sessionId", 21],
      ["generation", 5],
      ["issuedAt", 6],
      ["bind", 10],
      ["secret", 22],
      ["tag", 21],
    ],
  );
});
