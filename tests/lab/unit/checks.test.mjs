// The inspector's checks of a token, one by one.
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

test("a valid token passes every check except the session check, which a token cannot answer", async () => {
  const checks = await checked(signed("ES256", header, claims));
  assert.equal(refusalIn(checks), undefined);
  assert.deepEqual(checks.filter(({ state }) => state !== "pass").map(({ name }) => name), ["Session"]);
  assert.deepEqual(checks.map(({ name }) => name), [
    "Length", "Three parts", "Header", "Extensions", "Algorithm", "Key ID", "Keys inside the token", "Type",
    "Signature", "Claims", "Issuer", "Audience", "Expiry", "Not before", "Other claims", "Session",
  ]);
});

/** Name → the token, and the one check that rejects it. */
const refused = {
  "another issuer": [with_({ iss: "https://other.example" }), "Issuer"],
  "a slash too many in the issuer": [with_({ iss: `${issuer}/` }), "Issuer"],
  "an issuer that is a list": [with_({ iss: [issuer] }), "Issuer"],
  "no issuer": [with_({ iss: undefined }), "Issuer"],
  "another audience": [with_({ aud: "https://other.example" }), "Audience"],
  "an empty list of audiences": [with_({ aud: [] }), "Audience"],
  "a number among the audiences": [with_({ aud: [audience, 1] }), "Audience"],
  "no audience": [with_({ aud: undefined }), "Audience"],
  "no exp": [with_({ exp: undefined }), "Expiry"],
  "an exp that is a string": [with_({ exp: "9999999999" }), "Expiry"],
  "an exp that is null": [with_({ exp: null }), "Expiry"],
  "a negative exp": [with_({ exp: -1 }), "Expiry"],
  "an exp above the largest safe integer": [with_({ exp: 2 ** 60 }), "Expiry"],
  "an exp that equals the current time": [with_({ exp: NOW }), "Expiry"],
  "an nbf in the future": [with_({ nbf: NOW + 1 }), "Not before"],
  "an nbf that is a string": [with_({ nbf: "0" }), "Not before"],
  "an iat in the future": [with_({ iat: NOW + 1 }), "Not before"],
  "no iat": [with_({ iat: undefined }), "Other claims"],
  "no sub": [with_({ sub: undefined }), "Other claims"],
  "a sub that is a number": [with_({ sub: 1 }), "Other claims"],
  "no sid": [with_({ sid: undefined }), "Other claims"],
  "a jti that is null": [with_({ jti: null }), "Other claims"],
  "a client_id that is a list": [with_({ client_id: ["c"] }), "Other claims"],
  "a scope that is a list": [with_({ scope: ["a"] }), "Other claims"],
  "a scope with two spaces": [with_({ scope: "a  b" }), "Other claims"],
  "an auth_time that is a string": [with_({ auth_time: "1" }), "Other claims"],
  "typ JWT": [headed({ typ: "JWT" }), "Type"],
  "no typ": [headed({ typ: undefined }), "Type"],
  "a typ that is a list": [headed({ typ: ["at+jwt"] }), "Type"],
  "an unknown typ": [headed({ typ: "constructor" }), "Type"],
  "crit": [headed({ crit: ["exp"] }), "Extensions"],
  "an empty crit": [headed({ crit: [] }), "Extensions"],
  "b64": [headed({ b64: false }), "Extensions"],
  "zip": [headed({ zip: "DEF" }), "Extensions"],
  "no kid": [headed({ kid: undefined }), "Key ID"],
};
for (const [name, [token, where]] of Object.entries(refused)) {
  test(`only the check ${where} rejects: ${name}`, async () => {
    const checks = await checked(token);
    assert.deepEqual(checks.filter(({ state }) => state === "refuse").map((one) => one.name), [where]);
  });
}

const accepted = {
  "a list of audiences that includes the expected one": with_({ aud: ["https://other.example", audience] }),
  "application/at+jwt, in any case": headed({ typ: "Application/AT+JWT" }),
  "an exp with a fraction": with_({ exp: NOW + 1.5 }),
  "an nbf that equals the current time": with_({ nbf: NOW }),
  "a key inside the token, which is ignored": headed({ jku: "https://evil.example", jwk: signers.ES256.jwk }),
};
for (const [name, token] of Object.entries(accepted)) {
  test(`accepted: ${name}`, async () => assert.equal(refusalIn(await checked(token)), undefined));
}

test("the check of keys inside the token names the header parameter and says that it is ignored", async () => {
  const { state, text } = check(await checked(headed({ jku: "https://evil.example" })), "Keys inside the token");
  assert.equal(state, "pass");
  assert.match(text, /jku.*ignored/);
  assert.doesNotMatch(text, /evil/);
});

test("an unknown kid is rejected, and the signature and algorithm checks are unknown", async () => {
  const found = states(await checked(headed({ kid: "two" })));
  assert.deepEqual([found["Key ID"], found.Signature, found.Algorithm], ["refuse", "unknown", "unknown"]);
});

test("a token with another algorithm than the key's is rejected", async () => {
  const checks = await checked(signed("HS256", { ...header, alg: "HS256" }, claims));
  assert.equal(refusalIn(checks).name, "Algorithm");
  assert.match(refusalIn(checks).text, /which is ES256/);
  assert.equal(states(checks).Signature, "refuse");
});

test("the name Ed25519 is rejected in a token's header and accepted in a key", async () => {
  const keys = readKeys(JSON.stringify({ ...signers.EdDSA.jwk, kid: "one", alg: "Ed25519" })).keys;
  const of = (alg) => checked(signed("EdDSA", { ...header, alg }, claims), { keys });
  assert.equal(refusalIn(await of("EdDSA")), undefined);
  assert.equal(refusalIn(await of("Ed25519")).name, "Algorithm");
});

for (const alg of ["none", "nOnE"]) {
  test(`the algorithm and signature checks reject ${alg}`, async () => {
    const token = unsigned(JSON.stringify({ ...header, alg }), JSON.stringify(claims));
    const checks = await checked(token);
    assert.equal(refusalIn(checks).name, "Algorithm");
    assert.match(refusalIn(checks).text, /none/);
    assert.equal(states(checks).Signature, "refuse");
  });
}

test("an alg that is not a string is rejected", async () => {
  for (const alg of [undefined, null, 1, ["ES256"]]) assert.equal(states(await checked(headed({ alg }))).Algorithm, "refuse");
});

test("duplicate names are rejected in the part that contains them", async () => {
  const twice = (text) => text.replace("{", '{"x":1,"x":2,');
  const inHeader = unsigned(twice(JSON.stringify(header)), JSON.stringify(claims));
  const inClaims = unsigned(JSON.stringify(header), twice(JSON.stringify(claims)));
  assert.equal(states(await checked(inHeader)).Header, "refuse");
  assert.equal(states(await checked(inClaims)).Claims, "refuse");
  assert.equal(states(await checked(inClaims)).Header, "pass");
});

test("a token that is too long for a request header is decoded, and the length check rejects it", async () => {
  const checks = await checked(with_({ padding: "p".repeat(LONGEST_TOKEN) }));
  assert.deepEqual(checks.filter(({ state }) => state === "refuse").map(({ name }) => name), ["Length"]);
});

test("with a pasted key, the checks of key ID, issuer and audience are unknown", async () => {
  const checks = await checked(signed("ES256", header, claims), { keys: readKeys(signers.ES256.pem).keys, expected: null });
  assert.equal(refusalIn(checks), undefined);
  const open = checks.filter(({ state }) => state === "unknown").map(({ name }) => name);
  assert.deepEqual(open, ["Key ID", "Issuer", "Audience", "Session"]);
});

test("without any key, the checks of algorithm, key ID and signature are unknown", async () => {
  for (const expected of [{ issuer, audience }, null]) {
    const found = states(await checked(signed("ES256", header, claims), { keys: [], expected }));
    assert.deepEqual([found.Algorithm, found["Key ID"], found.Signature], ["unknown", "unknown", "unknown"]);
  }
});

test("with pasted keys, an unknown kid is not rejected, because the verifier may have the key", async () => {
  const keys = readKeys(JSON.stringify({ ...signers.ES256.jwk, kid: "another" })).keys;
  const found = states(await checked(signed("ES256", header, claims), { keys, expected: null }));
  assert.deepEqual([found["Key ID"], found.Signature], ["unknown", "unknown"]);
});

test("text that is not a token fails the check of its parts, and all later checks are unknown", async () => {
  for (const text of ["word", "", "a.b.c.d.e", ".".repeat(70_000)]) {
    const found = states(await checked(text));
    assert.equal(found["Three parts"], "refuse");
    const rest = ["Header", "Extensions", "Algorithm", "Key ID", "Type", "Signature", "Claims", "Issuer", "Expiry", "Session"];
    for (const name of rest) assert.equal(found[name], "unknown", `${name} of ${text.slice(0, 10)}`);
  }
});

test("the text of a check stays short even if the token's values are long", async () => {
  const long = "x".repeat(5_000);
  const token = signed("ES256", { alg: long, typ: long, kid: long, crit: [long] }, { iss: long, aud: long, exp: long });
  for (const { name, text } of await checked(token)) assert.ok(text.length < 300, `${name}: ${text.length} characters`);
});

test("a valid token expires exactly at its exp", async () => {
  const token = with_({ exp: NOW + 30 });
  assert.match(check(await checked(token, { now: NOW + 29.9 }), "Expiry").text, /in 1 s/);
  assert.equal(check(await checked(token, { now: NOW + 30 }), "Expiry").state, "refuse");
});
