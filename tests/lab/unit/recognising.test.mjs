// Recognition of pasted text, and extraction of the token from it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LONGEST_TEXT, megabytes, recognise } from "./support/lab.mjs";
import { signed, signers } from "./support/signers.mjs";

const token = signed("ES256", { alg: "ES256", typ: "at+jwt", kid: "one" });
const refresh = `csr_${"Ab-_".repeat(22)}`;
const inLines = (text, length) => text.match(new RegExp(`.{1,${length}}`, "g")).join("\n  ");

const access = {
  "alone": [token, null],
  "with space around it": [`\n  ${token}\t\n`, null],
  "cut into lines": [inLines(token, 40), /Line breaks/],
  "after Bearer": [`Bearer ${token}`, /Bearer/],
  "in a header": [`authorization: bearer  ${token}`, /Bearer/],
  "after Bearer, cut into lines": [`Bearer ${inLines(token, 60)}`, /Bearer/],
  "in several headers": [`Authorization: Bearer ${token}\nAccept: */*`, /surrounding text/],
  "in a curl command": [`$ curl -i http://localhost:3000/v1/me -H 'Authorization: Bearer ${token}'`, /curl command/],
  "in a response": [JSON.stringify({ access_token: token, refresh_token: refresh, expires_in: 30 }), /surrounding text/],
  "in quotes": [`"${token}"`, /surrounding text/],
  "in a sentence": [`The token is ${token}, I think.`, /surrounding text/],
  "without its signature": [`${token.slice(0, token.lastIndexOf("."))}.`, null],
};
for (const [where, [text, note]] of Object.entries(access)) {
  test(`an access token ${where} is found`, () => {
    const found = recognise(text);
    assert.equal(found.kind, "token");
    assert.equal(found.token, where === "without its signature" ? text : token);
    if (note) assert.match(found.note, note);
    else assert.equal(found.note, null);
  });
}

const continued = {
  "alone": refresh,
  "cut into lines": inLines(refresh, 30),
  "after Bearer": `Bearer ${refresh}`,
  "in a body": JSON.stringify({ refresh_token: refresh, client_id: "lab" }),
  "in a curl command": `curl http://localhost:3000/logout --data-raw '{"refreshToken":"${refresh}"}'`,
};
for (const [where, text] of Object.entries(continued)) {
  test(`a refresh token ${where} is found`, () => {
    const { kind, token: found } = recognise(text);
    assert.deepEqual([kind, found], ["refresh-token", refresh]);
  });
}

test("words after a token are not part of it", () => {
  assert.equal(recognise(`${token} and more words`).token, token);
});

test("unrecognised text is returned unchanged as a token, so that decoding reports what is wrong", () => {
  for (const text of ["hello", "a.b.c", "e30.e30.", "🎉", "\u202e", "<script>alert(1)</script>", '{"a":1}']) {
    assert.deepEqual(recognise(text), { kind: "token", token: text, note: null });
  }
});

test("empty text is recognised as empty", () => {
  for (const text of ["", "  \n"]) assert.deepEqual(recognise(text), { kind: "empty", token: null, note: null });
});

test("the note for a key says where to paste it", () => {
  const { ES256, RS256, HS256 } = signers;
  for (const text of [ES256.pem, JSON.stringify(RS256.jwk), JSON.stringify({ keys: [ES256.jwk] }), JSON.stringify(HS256.jwk)]) {
    const { kind, token: found, note } = recognise(text);
    assert.deepEqual([kind, found], ["key", null]);
    assert.match(note, /A key that I paste/);
  }
});

test("a private key is recognised and not returned", () => {
  for (const text of [signers.ES256.privatePem, JSON.stringify(signers.RS256.privateJwk)]) {
    const found = recognise(text);
    assert.deepEqual([found.kind, found.token], ["private-key", null]);
    assert.match(found.note, /discarded/);
  }
});

for (const [name, text] of Object.entries(megabytes())) {
  test(`a megabyte of ${name} is too long`, () => assert.equal(recognise(text).kind, "too-long"));
}

test("text of the maximum length may consist of incomplete tokens or keys", () => {
  const ofTokens = ["eyJ", "eyJ.", "eyJ.eyJ ", "csr_", "csr_ ", "bearer "];
  const ofKeys = ["{", '{"kty":"', "-----BEGIN ", "-----BEGIN A-----"];
  for (const part of [...ofTokens, ...ofKeys, "\n", "a \n", "\0"]) {
    const { kind } = recognise(part.repeat(Math.floor(LONGEST_TEXT / part.length)));
    assert.ok(["token", "refresh-token", "empty"].includes(kind), part);
  }
});
