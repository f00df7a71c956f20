// Keys that a user pastes: the algorithms of each, and the keys that are rejected.
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, LONGEST_KEYS, megabytes, readKeys } from "./support/lab.mjs";
import { rsaPair, signers } from "./support/signers.mjs";

const { ES256, RS256, HS256 } = signers;
const read = (value) => readKeys(typeof value === "string" ? value : JSON.stringify(value));
const certificate = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ0\n-----END CERTIFICATE-----\n";

for (const [alg, { jwk, pem }] of Object.entries(signers)) {
  const algs = jwk.kty === "RSA" ? ["RS256", "PS256"] : [alg];
  const key = { kid: undefined, alg: algs[0], algs, kty: jwk.kty, crv: jwk.crv, jwk: { crv: undefined, ...jwk } };

  test(`a JWK for ${alg} is read`, () => {
    const { keys, problems } = read({ ...jwk, kid: "one" });
    assert.deepEqual(problems, []);
    assert.deepEqual(keys, [{ ...key, kid: "one", source: "jwk" }]);
  });

  if (pem) {
    test(`a PEM for ${alg} is the same key as its JWK`, () => {
      const { keys, problems } = read(`\n  ${pem.replaceAll("\n", "\r\n")}\n`);
      assert.deepEqual(problems, []);
      assert.deepEqual(keys, [{ ...key, source: "pem" }]);
    });
  }
}

test("the older PEM form RSA PUBLIC KEY is read", () => {
  const pem = RS256.publicKey.export({ format: "pem", type: "pkcs1" });
  const [{ jwk }] = read(pem).keys;
  assert.deepEqual([jwk.n, jwk.e], [RS256.jwk.n, RS256.jwk.e]);
});

test("an alg in an RSA key restricts it to that algorithm", () => {
  assert.deepEqual(read({ ...RS256.jwk, alg: "PS256" }).keys[0].algs, ["PS256"]);
});

test("Ed25519 is another name for EdDSA", () => {
  assert.deepEqual(read({ ...signers.EdDSA.jwk, alg: "Ed25519" }).keys[0].algs, ["EdDSA"]);
});

test("a set returns the usable keys and a problem for each other key", () => {
  const others = [{ kty: "EC", crv: "P-521" }, { ...RS256.jwk, kid: "b", use: "enc" }];
  const keys = [{ ...ES256.jwk, kid: "a" }, ...others, { ...RS256.jwk, kid: "c" }];
  const set = read({ keys });
  assert.deepEqual(set.keys.map(({ kid, source }) => [kid, source]), [["a", "jwks"], ["c", "jwks"]]);
  assert.deepEqual(codes(set), ["unsupported", "use"]);
  assert.match(set.problems[0].text, /^Key 2 /);
});

test("several PEM keys are read, and surrounding text is ignored", () => {
  const { keys } = read(`my keys:\n${ES256.pem}\nand\n${RS256.pem}`);
  assert.deepEqual(keys.map(({ alg }) => alg), ["ES256", "RS256"]);
});

test("two keys with the same kid are reported", () => {
  assert.deepEqual(codes(read({ keys: [{ ...ES256.jwk, kid: "a" }, { ...RS256.jwk, kid: "a" }] })), ["duplicate-kid"]);
});

const secrets = {
  "a private JWK": { ...ES256.privateJwk },
  "a private RSA JWK": { ...RS256.privateJwk },
  "a private JWK in a set": { keys: [ES256.privateJwk] },
  "a private key in PEM": ES256.privatePem,
  "an encrypted private key in PEM": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n",
  "the beginning of a private key": "-----BEGIN EC PRIVATE KEY-----\nMHcC",
  "a private key after its public key": `${ES256.pem}\n${ES256.privatePem}`,
};
for (const [name, value] of Object.entries(secrets)) {
  test(`${name} is reported as private key, and the result does not contain it`, () => {
    const answer = read(value);
    assert.deepEqual(codes(answer), ["private-key"]);
    assert.deepEqual(answer.keys, []);
    const { d } = ES256.privateJwk;
    assert.ok(!JSON.stringify(answer).includes(d) && !JSON.stringify(answer).includes(RS256.privateJwk.d));
  });
}

test("the message for a certificate shows how to extract its public key", () => {
  const { keys, problems } = read(certificate);
  assert.deepEqual(keys, []);
  assert.match(problems[0].text, /openssl x509/);
});

const damaged = { ...ES256.jwk, x: `${ES256.jwk.x}=` };
const useless = {
  "nothing": ["", "empty"],
  "spaces": ["  \n ", "empty"],
  "a word": ["secret", "no-key"],
  "an address": ["https://example.com/jwks.json", "no-key"],
  "broken JSON": ["{", "not-json"],
  "JSON without kty": ["{}", "no-key"],
  "an empty set": ['{"keys":[]}', "no-keys"],
  "a set of nulls": ['{"keys":[null]}', "no-key"],
  "a set of sets": ['{"keys":[{"keys":[]}]}', "no-key"],
  "a hundred and one keys": [JSON.stringify({ keys: Array(101).fill(ES256.jwk) }), "too-many"],
  "a type named like a member of Object.prototype": ['{"kty":"constructor"}', "unsupported"],
  "another curve": [{ ...ES256.jwk, crv: "secp256k1" }, "unsupported"],
  "an alg of another type": [{ ...ES256.jwk, alg: "HS256" }, "alg"],
  "alg none": [{ ...ES256.jwk, alg: "none" }, "alg"],
  "an alg that is a list": [{ ...ES256.jwk, alg: ["ES256"] }, "alg"],
  "a kid that is a number": [{ ...ES256.jwk, kid: 1 }, "kid"],
  "a use other than sig": [{ ...ES256.jwk, use: "enc" }, "use"],
  "key_ops without verify": [{ ...ES256.jwk, key_ops: ["sign"] }, "key_ops"],
  "padding in a coordinate": [damaged, "damaged"],
  "a missing coordinate": [{ ...ES256.jwk, y: undefined }, "damaged"],
  "an empty secret": [{ kty: "oct", k: "" }, "damaged"],
  "RSA of 1024 bits": [rsaPair(1_024).publicKey.export({ format: "jwk" }), "weak"],
  "RSA of a million bits": [{ kty: "RSA", e: "AQAB", n: "f".repeat(100_000) }, "too-large"],
  "half a PEM": [ES256.pem.slice(0, 80), "cut-off"],
  "a PEM of something else": ["-----BEGIN OPENSSH KEY-----\nAAAA\n-----END OPENSSH KEY-----", "no-public-key"],
  "a PEM whose END label differs": ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END CERTIFICATE-----", "cut-off"],
  "a PEM that is not base64": ["-----BEGIN PUBLIC KEY-----\n%%%%\n-----END PUBLIC KEY-----", "unsupported"],
  "an empty PEM": ["-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----", "unsupported"],
};
for (const [name, [value, code]] of Object.entries(useless)) {
  test(`${name} is not a usable key: ${code}`, () => {
    const answer = read(value);
    assert.deepEqual(answer.keys, []);
    assert.deepEqual(codes(answer), [code]);
  });
}

test("a secret that is too short is used and reported", () => {
  const { keys, problems } = read({ kty: "oct", k: Buffer.from("secret").toString("base64url") });
  assert.equal(keys.length, 1);
  assert.deepEqual(problems.map(({ code }) => code), ["guessable"]);
  assert.deepEqual(read(HS256.jwk).problems, []);
});

for (const secret of ["your-256-bit-secret", " geheim € \u{1f511} ", "s".repeat(128)]) {
  test(`the message for a bare secret contains it as a JWK: ${secret.slice(0, 20)}`, () => {
    const [{ text }] = read(secret).problems;
    const [offered] = /\{"kty".*\}/.exec(text);
    const [{ algs, jwk }] = read(offered).keys;
    assert.deepEqual([algs, Buffer.from(jwk.k, "base64url").toString()], [["HS256"], secret.trim()]);
  });
}

test("the message for a long or multi-line text contains a JWK with a placeholder", () => {
  for (const text of ["s".repeat(129), "two\nlines"]) {
    assert.match(read(text).problems[0].text, /\{"kty":"oct","k":"BASE64URL"\}, with the secret in base64url\.$/);
  }
});

test("a PEM that is cut or changed at any byte never throws, and a key that it still yields has the same type", () => {
  for (const { pem, jwk } of Object.values(signers).filter((signer) => signer.pem)) {
    const der = Buffer.from(pem.split("\n").slice(1, -2).join(""), "base64");
    const wrap = (bytes) => `-----BEGIN PUBLIC KEY-----\n${bytes.toString("base64")}\n-----END PUBLIC KEY-----`;
    for (let at = 0; at < der.length; at += 1) {
      assert.deepEqual(read(wrap(der.subarray(0, at))).keys, [], `cut at ${at}`);
      const changed = Buffer.from(der);
      changed[at] ^= 0xff;
      for (const key of read(wrap(changed)).keys) assert.equal(key.jwk.kty, jwk.kty, `changed at ${at}`);
    }
  }
});

test("invalid DER lengths are rejected", () => {
  const wrap = (hex) => `-----BEGIN PUBLIC KEY-----\n${Buffer.from(hex, "hex").toString("base64")}\n-----END PUBLIC KEY-----`;
  for (const hex of ["30", "3080", "30ff", "3084ffffffff", "30830000", "3003300130", "30820000"]) {
    assert.deepEqual(codes(read(wrap(hex))), ["unsupported"], hex);
  }
});

for (const [name, text] of Object.entries(megabytes())) {
  test(`a megabyte of ${name} is not a key`, () => {
    const answer = read(text);
    assert.deepEqual(answer.keys, []);
    assert.ok(["too-long", "empty"].includes(codes(answer)[0]));
  });
}

test("text of the maximum length made of incomplete keys yields no key", () => {
  for (const part of ["-----BEGIN ", "-----BEGIN PUBLIC KEY-----", '{"keys":[', '{"kty":"RSA","n":"']) {
    assert.deepEqual(read(part.repeat(Math.floor(LONGEST_KEYS / part.length))).keys, []);
  }
});
