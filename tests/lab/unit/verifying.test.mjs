// What a signature proves: the key decides, and the header is only compared with it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encodeText, generateKey, readKeys, signWith, unsigned, verify } from "./support/lab.mjs";
import { signed, signers } from "./support/signers.mjs";
import { published } from "./support/vectors.mjs";

const keysOf = (...jwks) => readKeys(JSON.stringify({ keys: jwks })).keys;
const outcomeOf = async (token, keys) => (await verify(decode(token), keys)).outcome;
const { ES256, RS256, HS256 } = signers;

/** One bit of the byte in the middle of the signature. */
function flipped(token) {
  const [header, claims, signature] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes[bytes.length >> 1] ^= 1;
  return [header, claims, bytes.toString("base64url")].join(".");
}

for (const { name, jwk, token } of published) {
  test(`${name} is verified, and not with a letter changed`, async () => {
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

  test(`${alg} with a bit of the signature changed, cut or doubled does not fit`, async () => {
    const keys = keysOf({ ...jwk, kid: "one", alg });
    const [header, claims, signature] = token.split(".");
    const bytes = Buffer.from(signature, "base64url");
    assert.equal(await outcomeOf(flipped(token), keys), "wrong");
    for (const other of [bytes.subarray(1), Buffer.concat([bytes, bytes]), Buffer.alloc(bytes.length), Buffer.alloc(1)]) {
      assert.equal(await outcomeOf([header, claims, other.toString("base64url")].join("."), keys), "wrong");
    }
  });

  for (const claimed of Object.keys(signers).filter((other) => other !== alg)) {
    test(`a key for ${alg} does not verify a token that says ${claimed}`, async () => {
      const lie = signed(alg, { alg: claimed, kid: "one" });
      const { outcome, why } = await verify(decode(lie), keysOf({ ...jwk, kid: "one", alg }));
      assert.equal(outcome, "wrong");
      assert.match(why, new RegExp(`The key is for ${alg}; the header names another`));
    });
  }

  if (pem) {
    test(`a public key for ${alg} is no HMAC secret, in whatever form`, async () => {
      for (const secret of [pem, pem.trimEnd(), JSON.stringify(jwk)]) {
        const forged = await signWith({ alg: "HS256" }, { sub: "1" }, { secret: new TextEncoder().encode(secret) });
        for (const text of [pem, JSON.stringify(jwk)]) {
          assert.equal(await outcomeOf(forged, readKeys(text).keys), "wrong");
        }
      }
    });
  }
}

test("an RSA key that does not say its padding verifies both, and one that does only its own", async () => {
  const { jwk, pem } = RS256;
  for (const alg of ["RS256", "PS256"]) {
    const token = signed(alg, { alg });
    assert.equal(await outcomeOf(token, readKeys(pem).keys), "verified");
    assert.equal(await outcomeOf(token, keysOf({ ...jwk, alg })), "verified");
    assert.equal(await outcomeOf(token, keysOf({ ...jwk, alg: alg === "RS256" ? "PS256" : "RS256" })), "wrong");
  }
});

test("one padding does not pass for the other", async () => {
  assert.equal(await outcomeOf(signed("PS256", { alg: "RS256" }), readKeys(RS256.pem).keys), "wrong");
  assert.equal(await outcomeOf(signed("RS256", { alg: "PS256" }), readKeys(RS256.pem).keys), "wrong");
});

for (const alg of ["none", "None", "nOnE", "NONE"]) {
  test(`${alg} is no signature, whatever key there is`, async () => {
    for (const keys of [[], keysOf(ES256.jwk), keysOf(HS256.jwk)]) {
      assert.equal(await outcomeOf(unsigned(JSON.stringify({ alg }), "{}"), keys), "unsigned");
      assert.equal(await outcomeOf(signed("ES256", { alg }), keys), "unsigned");
    }
  });
}

test("an empty signature proves nothing", async () => {
  assert.equal(await outcomeOf(unsigned('{"alg":"ES256"}', "{}"), keysOf(ES256.jwk)), "unsigned");
});

for (const alg of [undefined, null, 1, "", "es256", "ES256 ", ["ES256"], { name: "ES256" }, "ES512", "HS384", "constructor"]) {
  test(`an alg that is ${JSON.stringify(alg)} fits no key`, async () => {
    assert.equal(await outcomeOf(signed("ES256", { alg }), keysOf(ES256.jwk)), "wrong");
  });
}

test("a key that the token brings is not looked at", async () => {
  const { privateKey, publicJwk } = await generateKey();
  const header = { alg: "ES256", kid: "one", jwk: publicJwk, jku: "https://example.com/jwks.json", x5u: "https://example.com/x" };
  const forged = await signWith(header, { sub: "1" }, { privateKey });
  assert.equal(await outcomeOf(forged, keysOf({ ...ES256.jwk, kid: "one" })), "wrong");
  assert.equal(await outcomeOf(forged, []), "no-key");
});

test("a token that names another key is not tried with this one", async () => {
  const keys = keysOf({ ...ES256.jwk, kid: "one" });
  for (const kid of ["two", "", "../../dev/null", "ONE", "__proto__", 1, null, ["one"]]) {
    assert.equal(await outcomeOf(signed("ES256", { alg: "ES256", kid }), keys), "no-key");
  }
});

test("a key without a name goes with every token, and a token without a key's name with every key", async () => {
  assert.equal(await outcomeOf(signed("ES256", { alg: "ES256", kid: "one" }), readKeys(ES256.pem).keys), "verified");
  const keys = keysOf({ ...RS256.jwk, kid: "a" }, { ...ES256.jwk, kid: "b" });
  assert.equal(await outcomeOf(signed("ES256", { alg: "ES256" }), keys), "verified");
});

test("of many keys that a token could mean ten are tried", async () => {
  const { publicJwk } = await generateKey();
  const others = (count) => Array.from({ length: count }, (_, index) => ({ ...publicJwk, kid: String(index) }));
  const token = signed("ES256", { alg: "ES256" });
  assert.equal(await outcomeOf(token, keysOf(...others(9), { ...ES256.jwk, kid: "mine" })), "verified");
  assert.equal(await outcomeOf(token, keysOf(...others(10), { ...ES256.jwk, kid: "mine" })), "wrong");
});

test("a signature of another length than the algorithm's is told its length", async () => {
  const [header, claims] = signed("ES256", { alg: "ES256" }).split(".");
  const { outcome, why } = await verify(decode(`${header}.${claims}.AAAA`), keysOf(ES256.jwk));
  assert.equal(outcome, "wrong");
  assert.match(why, /64 bytes; this one has 3/);
});

test("a point that is not on the curve is said to be damaged", async () => {
  const { outcome, why } = await verify(decode(signed("ES256", { alg: "ES256" })), keysOf({ ...ES256.jwk, y: ES256.jwk.x }));
  assert.equal(outcome, "wrong");
  assert.match(why, /damaged/);
});

test("what cannot be read cannot be verified", async () => {
  assert.equal(await outcomeOf("..", keysOf(ES256.jwk)), "unsupported");
  assert.equal(await outcomeOf("word", keysOf(ES256.jwk)), "unsupported");
  assert.equal(await outcomeOf(`${encodeText('{"alg":"ES256"}')}.e30.%`, keysOf(ES256.jwk)), "wrong");
});

test("without WebCrypto, as on a page from http://, nothing is said to be wrong with a token", async () => {
  const token = signed("ES256", { alg: "ES256" });
  const { outcome, why } = await withCrypto({}, () => verify(decode(token), keysOf(ES256.jwk)));
  assert.equal(outcome, "unsupported");
  assert.match(why, /https/);
});

test("an algorithm that the browser does not have is its lack, and not the token's", async () => {
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

test("claims that are no JSON can still be signed, and the signature holds", async () => {
  const text = `${encodeText('{"alg":"ES256"}')}.${encodeText("not JSON")}`;
  const token = `${text}.${ES256.sign(text).toString("base64url")}`;
  assert.equal(decode(token).claims, null);
  assert.equal(await outcomeOf(token, keysOf(ES256.jwk)), "verified");
});

test("what is signed here is verified here", async () => {
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

test("a private key that was made here cannot be taken out", async () => {
  const { privateKey } = await generateKey();
  assert.equal(privateKey.extractable, false);
  await assert.rejects(crypto.subtle.exportKey("jwk", privateKey));
});
