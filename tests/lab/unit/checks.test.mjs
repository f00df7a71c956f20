// What a verifier makes of a token, check by check.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checksOf, decode, LONGEST_TOKEN, readKeys, refusalIn, unsigned, verify } from "./support/lab.mjs";
import { signed, signers } from "./support/signers.mjs";

const NOW = 1_800_000_000;
const issuer = "https://id.example";
const audience = "https://api.example";
const header = { alg: "ES256", typ: "at+jwt", kid: "one" };
const sid = "01a3185c-5000-7000-8000-000000000001";
const claims = { iss: issuer, sub: "1", aud: audience, exp: NOW + 30, iat: NOW, jti: "j", client_id: "c", sid };
const published = readKeys(JSON.stringify({ keys: [{ ...signers.ES256.jwk, kid: "one", alg: "ES256" }] })).keys;

async function checked(token, { keys = published, expected = { issuer, audience }, now = NOW } = {}) {
  const decoded = decode(token);
  return checksOf(decoded, { keys, verification: await verify(decoded, keys), expected, now });
}

const states = (checks) => Object.fromEntries(checks.map(({ name, state }) => [name, state]));
const check = (checks, name) => checks.find((one) => one.name === name);
const with_ = (changes) => signed("ES256", header, { ...claims, ...changes });
const headed = (changes) => signed("ES256", { ...header, ...changes }, claims);

test("a good token passes everything but what no token can show", async () => {
  const checks = await checked(signed("ES256", header, claims));
  assert.equal(refusalIn(checks), undefined);
  assert.deepEqual(checks.filter(({ state }) => state !== "pass").map(({ name }) => name), ["Session"]);
  assert.deepEqual(checks.map(({ name }) => name), [
    "Length", "Three parts", "Header", "Extensions", "Algorithm", "Key name", "Keys inside the token", "Type",
    "Signature", "Claims", "Issuer", "Audience", "Expiry", "Not too early", "Other claims", "Session",
  ]);
});

/** Name → the token, and the one check that refuses it. */
const refused = {
  "another issuer": [with_({ iss: "https://other.example" }), "Issuer"],
  "a slash too many in the issuer": [with_({ iss: `${issuer}/` }), "Issuer"],
  "an issuer that is a list": [with_({ iss: [issuer] }), "Issuer"],
  "no issuer": [with_({ iss: undefined }), "Issuer"],
  "another audience": [with_({ aud: "https://other.example" }), "Audience"],
  "an empty list of audiences": [with_({ aud: [] }), "Audience"],
  "a number among the audiences": [with_({ aud: [audience, 1] }), "Audience"],
  "no audience": [with_({ aud: undefined }), "Audience"],
  "no end": [with_({ exp: undefined }), "Expiry"],
  "an end that is text": [with_({ exp: "9999999999" }), "Expiry"],
  "an end that is null": [with_({ exp: null }), "Expiry"],
  "an end before 1970": [with_({ exp: -1 }), "Expiry"],
  "an end beyond all numbers": [with_({ exp: 2 ** 60 }), "Expiry"],
  "an end that has come": [with_({ exp: NOW }), "Expiry"],
  "a beginning in the future": [with_({ nbf: NOW + 1 }), "Not too early"],
  "a beginning that is text": [with_({ nbf: "0" }), "Not too early"],
  "an issue in the future": [with_({ iat: NOW + 1 }), "Not too early"],
  "no iat": [with_({ iat: undefined }), "Other claims"],
  "no sub": [with_({ sub: undefined }), "Other claims"],
  "a sub that is a number": [with_({ sub: 1 }), "Other claims"],
  "no sid": [with_({ sid: undefined }), "Other claims"],
  "a jti that is null": [with_({ jti: null }), "Other claims"],
  "a client_id that is a list": [with_({ client_id: ["c"] }), "Other claims"],
  "a scope that is a list": [with_({ scope: ["a"] }), "Other claims"],
  "a scope with two spaces": [with_({ scope: "a  b" }), "Other claims"],
  "an auth_time that is text": [with_({ auth_time: "1" }), "Other claims"],
  "typ JWT": [headed({ typ: "JWT" }), "Type"],
  "no typ": [headed({ typ: undefined }), "Type"],
  "a typ that is a list": [headed({ typ: ["at+jwt"] }), "Type"],
  "an unknown typ": [headed({ typ: "constructor" }), "Type"],
  "crit": [headed({ crit: ["exp"] }), "Extensions"],
  "an empty crit": [headed({ crit: [] }), "Extensions"],
  "b64": [headed({ b64: false }), "Extensions"],
  "zip": [headed({ zip: "DEF" }), "Extensions"],
  "no kid": [headed({ kid: undefined }), "Key name"],
};
for (const [name, [token, where]] of Object.entries(refused)) {
  test(`${name} is refused at ${where}, and nowhere else`, async () => {
    const checks = await checked(token);
    assert.deepEqual(checks.filter(({ state }) => state === "refuse").map((one) => one.name), [where]);
  });
}

const accepted = {
  "a list of audiences with ours": with_({ aud: ["https://other.example", audience] }),
  "application/at+jwt, in any case": headed({ typ: "Application/AT+JWT" }),
  "an end with a fraction": with_({ exp: NOW + 1.5 }),
  "a beginning that has come": with_({ nbf: NOW }),
  "a key of its own that is ignored": headed({ jku: "https://evil.example", jwk: signers.ES256.jwk }),
};
for (const [name, token] of Object.entries(accepted)) {
  test(`${name} is not refused`, async () => assert.equal(refusalIn(await checked(token)), undefined));
}

test("a key inside the token is named and said to be ignored", async () => {
  const { state, text } = check(await checked(headed({ jku: "https://evil.example" })), "Keys inside the token");
  assert.equal(state, "pass");
  assert.match(text, /jku.*ignored/);
  assert.doesNotMatch(text, /evil/);
});

test("a key of an unknown name is refused, and with it nothing is known of the signature", async () => {
  const found = states(await checked(headed({ kid: "two" })));
  assert.deepEqual([found["Key name"], found.Signature, found.Algorithm], ["refuse", "unknown", "unknown"]);
});

test("another algorithm than the key's is refused by the key", async () => {
  const checks = await checked(signed("HS256", { ...header, alg: "HS256" }, claims));
  assert.equal(refusalIn(checks).name, "Algorithm");
  assert.match(refusalIn(checks).text, /which is ES256/);
  assert.equal(states(checks).Signature, "refuse");
});

test("Ed25519 as the name of EdDSA is refused in a header, though a key may have it", async () => {
  const keys = readKeys(JSON.stringify({ ...signers.EdDSA.jwk, kid: "one", alg: "Ed25519" })).keys;
  const of = (alg) => checked(signed("EdDSA", { ...header, alg }, claims), { keys });
  assert.equal(refusalIn(await of("EdDSA")), undefined);
  assert.equal(refusalIn(await of("Ed25519")).name, "Algorithm");
});

for (const alg of ["none", "nOnE"]) {
  test(`${alg} is refused as algorithm and as signature`, async () => {
    const token = unsigned(JSON.stringify({ ...header, alg }), JSON.stringify(claims));
    const checks = await checked(token);
    assert.equal(refusalIn(checks).name, "Algorithm");
    assert.match(refusalIn(checks).text, /none/);
    assert.equal(states(checks).Signature, "refuse");
  });
}

test("an alg that is no text is refused", async () => {
  for (const alg of [undefined, null, 1, ["ES256"]]) assert.equal(states(await checked(headed({ alg }))).Algorithm, "refuse");
});

test("names that stand twice are refused where they stand", async () => {
  const twice = (text) => text.replace("{", '{"x":1,"x":2,');
  const inHeader = unsigned(twice(JSON.stringify(header)), JSON.stringify(claims));
  const inClaims = unsigned(JSON.stringify(header), twice(JSON.stringify(claims)));
  assert.equal(states(await checked(inHeader)).Header, "refuse");
  assert.equal(states(await checked(inClaims)).Claims, "refuse");
  assert.equal(states(await checked(inClaims)).Header, "pass");
});

test("a token that is too long for a request is refused, though it is read here", async () => {
  const checks = await checked(with_({ padding: "p".repeat(LONGEST_TOKEN) }));
  assert.deepEqual(checks.filter(({ state }) => state === "refuse").map(({ name }) => name), ["Length"]);
});

test("with a key that somebody pasted, issuer and audience cannot be known", async () => {
  const checks = await checked(signed("ES256", header, claims), { keys: readKeys(signers.ES256.pem).keys, expected: null });
  assert.equal(refusalIn(checks), undefined);
  const open = checks.filter(({ state }) => state === "unknown").map(({ name }) => name);
  assert.deepEqual(open, ["Key name", "Issuer", "Audience", "Session"]);
});

test("without any key nothing is known of the signature, and no name of a key is missed", async () => {
  for (const expected of [{ issuer, audience }, null]) {
    const found = states(await checked(signed("ES256", header, claims), { keys: [], expected }));
    assert.deepEqual([found.Algorithm, found["Key name"], found.Signature], ["unknown", "unknown", "unknown"]);
  }
});

test("a key that somebody did not paste may still be the verifier's", async () => {
  const keys = readKeys(JSON.stringify({ ...signers.ES256.jwk, kid: "another" })).keys;
  const found = states(await checked(signed("ES256", header, claims), { keys, expected: null }));
  assert.deepEqual([found["Key name"], found.Signature], ["unknown", "unknown"]);
});

test("what is no token at all is refused at its form, and the rest cannot be known", async () => {
  for (const text of ["word", "", "a.b.c.d.e", ".".repeat(70_000)]) {
    const found = states(await checked(text));
    assert.equal(found["Three parts"], "refuse");
    const rest = ["Header", "Extensions", "Algorithm", "Key name", "Type", "Signature", "Claims", "Issuer", "Expiry", "Session"];
    for (const name of rest) assert.equal(found[name], "unknown", `${name} of ${text.slice(0, 10)}`);
  }
});

test("no check repeats what a stranger wrote at length", async () => {
  const long = "x".repeat(5_000);
  const token = signed("ES256", { alg: long, typ: long, kid: long, crit: [long] }, { iss: long, aud: long, exp: long });
  for (const { name, text } of await checked(token)) assert.ok(text.length < 300, `${name}: ${text.length} characters`);
});

test("time passes: what was good expires to the second", async () => {
  const token = with_({ exp: NOW + 30 });
  assert.match(check(await checked(token, { now: NOW + 29.9 }), "Expiry").text, /in 1 s/);
  assert.equal(check(await checked(token, { now: NOW + 30 }), "Expiry").state, "refuse");
});
