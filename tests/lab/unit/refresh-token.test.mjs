// A refresh token's parts, as they stand in its bytes and in its text.
import assert from "node:assert/strict";
import { test } from "node:test";

const { cutRefreshToken, readRefreshToken } = await import("../../../crates/countersign/lab/refresh-token.js");

/** Each byte says where it is. */
const token = (bytes = Array.from({ length: 66 }, (_, index) => index)) =>
  `csr_${Buffer.from(bytes).toString("base64url")}`;

test("each part is read from its own bytes", () => {
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

test("the highest numbers stay positive", () => {
  const { generation, issuedAt } = readRefreshToken(token(Array(66).fill(0xff)));
  assert.deepEqual([generation, issuedAt], [4_294_967_295, 4_294_967_295]);
});

const others = {
  "one of an access token's parts": "eyJhbGciOiJFUzI1NiJ9",
  "one that is a byte short": token(Array(65).fill(1)),
  "one that is a byte long": token(Array(67).fill(1)),
  "one with padding": `${token()}==`,
  "one in the other alphabet": token(Array(66).fill(0xff)).replaceAll("_", "/").replace("csr/", "csr_"),
  "one without its prefix": token().slice(4),
  "a number": 1,
  nothing: undefined,
};
for (const [name, text] of Object.entries(others)) {
  test(`${name} is no refresh token`, () => assert.equal(readRefreshToken(text), null));
}

test("the pieces of the text are the text, and each begins where most of its bits do", () => {
  const pieces = cutRefreshToken(token());
  assert.equal(pieces.map(({ text }) => text).join(""), token());
  assert.deepEqual(
    pieces.map(({ name, text }) => [name, text.length]),
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
