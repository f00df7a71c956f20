// Verification of signatures: the key determines the algorithm, and the header is only compared with it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encodeText, generateKey, readKeys, signWith, unsigned, verify } from "./support/lab.mjs";
import { signed, signers } from "./support/signers.mjs";
import { published } from "./support/vectors.mjs";

const keysOf = (...jwks) => readKeys(JSON.stringify({ keys: jwks })).keys;
const outcomeOf = async (token, keys) => (await verify(decode(token), keys)).outcome;
const { ES256, RS256, HS256 } = signers;

/** Flips one bit of the byte in the middle of the signature. */
function flipped(token) {
  const [header, claims, signature] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes[bytes.length >> 1] ^= 1;
  return [header, claims, bytes.toString("base64url")].join(".");
}

for (const { name, jwk, token } of published) {
  test(`${name} is verified, and changed copies are not`, async () => {
    assert.equal(await outcomeOf(token, keysOf(jwk)), "verified");
    assert.equal(await outcomeOf(flipped(token), keysOf(jwk)), "wrong");
    const [header, claims, signature] = token.split(".");
    assert.equal(await outcomeOf([header, `${claims}AA`, signature].join("."), keysOf(jwk)), "wrong");
  });
}

for (const [alg, { jwk, pem }] of Object.entries(signers)) {
  const token = signed(alg, { alg, kid: "one" });

  test(`${alg} is verified by the key that the token names`, async () => {
    const keys = keysOf({ ...jwk, kid: "two", alg }, { ...jwk, kid: "one", alg });
    const { outcome, key } = await verify(decode(token), keys);
    assert.equal(outcome, "verified");
    assert.equal(key.kid, "one");
  });

  test(`${alg} with a changed, cut or doubled signature is invalid`, async () => {
    const keys = keysOf({ ...jwk, kid: "one", alg });
    const [header, claims, signature] = token.split(".");
    const bytes = Buffer.from(signature, "base64url");
    assert.equal(await outcomeOf(flipped(token), keys), "wrong");
    for (const other of [bytes.subarray(1), Buffer.concat([bytes, bytes]), Buffer.alloc(bytes.length), Buffer.alloc(1)]) {
      assert.equal(await outcomeOf([header, claims, other.toString("base64url")].join("."), keys), "wrong");
    }
  });

  for (const claimed of Object.keys(signers).filter((other) => other !== alg)) {
    test(`a key for ${alg} does not verify a token whose header names ${claimed}`, async () => {
      const lie = signed(alg, { alg: claimed, kid: "one" });
      const { outcome, why } = await verify(decode(lie), keysOf({ ...jwk, kid: "one", alg }));
      assert.equal(outcome, "wrong");
      assert.match(why, new RegExp(`The key is for ${alg}; the header names another`));
    });
  }

  if (pem) {
    test(`a public key for ${alg} is not accepted as an HMAC secret, in any form`, async () => {
      for (const secret of [pem, pem.trimEnd(), JSON.stringify(jwk)]) {
        const forged = await signWith({ alg: "HS256" }, { sub: "1" }, { secret: new TextEncoder().encode(secret) });
        for (const text of [pem, JSON.stringify(jwk)]) {
          assert.equal(await outcomeOf(forged, readKeys(text).keys), "wrong");
        }
      }
    });
  }
}

test("an RSA key without alg verifies both paddings, and one with alg only that padding", async () => {
  const { jwk, pem } = RS256;
  for (const alg of ["RS256", "PS256"]) {
    const token = signed(alg, { alg });
    assert.equal(await outcomeOf(token, readKeys(pem).keys), "verified");
    assert.equal(await outcomeOf(token, keysOf({ ...jwk, alg })), "verified");
    assert.equal(await outcomeOf(token, keysOf({ ...jwk, alg: alg === "RS256" ? "PS256" : "RS256" })), "wrong");
  }
});

test("a signature with one padding does not verify under the name of the other", async () => {
  assert.equal(await outcomeOf(signed("PS256", { alg: "RS256" }), readKeys(RS256.pem).keys), "wrong");
  assert.equal(await outcomeOf(signed("RS256", { alg: "PS256" }), readKeys(RS256.pem).keys), "wrong");
});

for (const alg of ["none", "None", "nOnE", "NONE"]) {
  test(`${alg} is reported as unsigned with any key`, async () => {
    for (const keys of [[], keysOf(ES256.jwk), keysOf(HS256.jwk)]) {
      assert.equal(await outcomeOf(unsigned(JSON.stringify({ alg }), "{}"), keys), "unsigned");
      assert.equal(await outcomeOf(signed("ES256", { alg }), keys), "unsigned");
    }
  });
}

test("an empty signature is reported as unsigned", async () => {
  assert.equal(await outcomeOf(unsigned('{"alg":"ES256"}', "{}"), keysOf(ES256.jwk)), "unsigned");
});

for (const alg of [undefined, null, 1, "", "es256", "ES256 ", ["ES256"], { name: "ES256" }, "ES512", "HS384", "constructor"]) {
  test(`an alg that is ${JSON.stringify(alg)} matches no key`, async () => {
    assert.equal(await outcomeOf(signed("ES256", { alg }), keysOf(ES256.jwk)), "wrong");
  });
}

test("a key inside the token is ignored", async () => {
  const { privateKey, publicJwk } = await generateKey();
  const header = { alg: "ES256", kid: "one", jwk: publicJwk, jku: "https://example.com/jwks.json", x5u: "https://example.com/x" };
  const forged = await signWith(header, { sub: "1" }, { privateKey });
  assert.equal(await outcomeOf(forged, keysOf({ ...ES256.jwk, kid: "one" })), "wrong");
  assert.equal(await outcomeOf(forged, []), "no-key");
});

test("a key is not tried for a token that names another kid", async () => {
  const keys = keysOf({ ...ES256.jwk, kid: "one" });
  for (const kid of ["two", "", "../../dev/null", "ONE", "__proto__", 1, null, ["one"]]) {
    assert.equal(await outcomeOf(signed("ES256", { alg: "ES256", kid }), keys), "no-key");
  }
});

test("a key without kid is tried for every token, and every key for a token without kid", async () => {
  assert.equal(await outcomeOf(signed("ES256", { alg: "ES256", kid: "one" }), readKeys(ES256.pem).keys), "verified");
  const keys = keysOf({ ...RS256.jwk, kid: "a" }, { ...ES256.jwk, kid: "b" });
  assert.equal(await outcomeOf(signed("ES256", { alg: "ES256" }), keys), "verified");
});

test("at most ten keys are tried for a token without kid", async () => {
  const { publicJwk } = await generateKey();
  const others = (count) => Array.from({ length: count }, (_, index) => ({ ...publicJwk, kid: String(index) }));
  const token = signed("ES256", { alg: "ES256" });
  assert.equal(await outcomeOf(token, keysOf(...others(9), { ...ES256.jwk, kid: "mine" })), "verified");
  assert.equal(await outcomeOf(token, keysOf(...others(10), { ...ES256.jwk, kid: "mine" })), "wrong");
});

test("the message for a signature of the wrong length names both lengths", async () => {
  const [header, claims] = signed("ES256", { alg: "ES256" }).split(".");
  const { outcome, why } = await verify(decode(`${header}.${claims}.AAAA`), keysOf(ES256.jwk));
  assert.equal(outcome, "wrong");
  assert.match(why, /64 bytes; this one has 3/);
});

test("a key whose point is not on the curve is reported as damaged", async () => {
  const { outcome, why } = await verify(decode(signed("ES256", { alg: "ES256" })), keysOf({ ...ES256.jwk, y: ES256.jwk.x }));
  assert.equal(outcome, "wrong");
  assert.match(why, /damaged/);
});

test("a token that cannot be decoded is not verified", async () => {
  assert.equal(await outcomeOf("..", keysOf(ES256.jwk)), "unsupported");
  assert.equal(await outcomeOf("word", keysOf(ES256.jwk)), "unsupported");
  assert.equal(await outcomeOf(`${encodeText('{"alg":"ES256"}')}.e30.%`, keysOf(ES256.jwk)), "wrong");
});

test("without WebCrypto, as on an http:// page, verification is reported as unsupported", async () => {
  const token = signed("ES256", { alg: "ES256" });
  const { outcome, why } = await withCrypto({}, () => verify(decode(token), keysOf(ES256.jwk)));
  assert.equal(outcome, "unsupported");
  assert.match(why, /https/);
});

test("an algorithm that the browser lacks is reported as unsupported, not as invalid", async () => {
  const importKey = async () => {
    throw new DOMException("no such algorithm", "NotSupportedError");
  };
  const token = signed("EdDSA", { alg: "EdDSA" });
  const verifying = () => verify(decode(token), keysOf(signers.EdDSA.jwk));
  assert.equal((await withCrypto({ subtle: { importKey } }, verifying)).outcome, "unsupported");
  assert.equal((await verifying()).outcome, "verified");
});

async function withCrypto(value, run) {
  const original = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value, configurable: true });
  try {
    return await run();
  } finally {
    Object.defineProperty(globalThis, "crypto", original);
  }
}

test("a signature over claims that are not JSON is verified", async () => {
  const text = `${encodeText('{"alg":"ES256"}')}.${encodeText("not JSON")}`;
  const token = `${text}.${ES256.sign(text).toString("base64url")}`;
  assert.equal(decode(token).claims, null);
  assert.equal(await outcomeOf(token, keysOf(ES256.jwk)), "verified");
});

test("tokens of the lab's signer are verified", async () => {
  const { privateKey, publicJwk } = await generateKey();
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const claims = { sub: "1", name: "Zoë 🎉", nested: { list: [1, { two: null }] } };
  const elliptic = await signWith({ alg: "ES256", typ: "at+jwt" }, claims, { privateKey });
  const shared = await signWith({ alg: "HS256" }, claims, { secret });
  assert.deepEqual(decode(elliptic).claims, claims);
  assert.equal(await outcomeOf(elliptic, keysOf(publicJwk)), "verified");
  assert.equal(await outcomeOf(shared, keysOf({ kty: "oct", k: Buffer.from(secret).toString("base64url") })), "verified");
  assert.match(await signWith({ alg: "none" }, claims, { none: true }), /^[\w-]+\.[\w-]+\.$/);
});

test("a generated private key is not extractable", async () => {
  const { privateKey } = await generateKey();
  assert.equal(privateKey.extractable, false);
  await assert.rejects(crypto.subtle.exportKey("jwk", privateKey));
});
