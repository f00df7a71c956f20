// Tokens that attackers send. Unless the signature is what a test is about, it is good: the refusal is due to
// nothing but the content, and each test names the check that must refuse.
import assert from "node:assert/strict";
import { createHmac, sign as signWith, constants, KeyObject } from "node:crypto";
import { test } from "node:test";
import { CompactSign, exportSPKI, generateKeyPair } from "jose";
import { FakeIssuer, seconds, signingKey } from "./support/fake-issuer.mjs";
import { createTestGuard, fastRuntime, serve } from "./support/api.mjs";

const ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA"];
const keys = await Promise.all(ALGORITHMS.map((alg) => signingKey(`the-${alg}-key`, alg)));
const issuer = await FakeIssuer.start({ keys: [...keys].reverse() });
test.after(() => issuer.stop());

const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const headerOf = (key) => ({ alg: key.alg, typ: "at+jwt", kid: key.kid });

/** Signs texts that no library would sign. */
function signed(header, claims, key = issuer.active) {
  const input = `${encode(header)}.${encode(claims)}`;
  const privateKey = KeyObject.from(key.privateKey);
  const signature = signWith("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** Asserts that a guard refuses tokens with one of the given codes. */
async function refuses(t, tokens, ...codes) {
  const guard = createTestGuard(t, issuer);
  await guard.ready();
  for (const token of [tokens].flat()) {
    const refusal = await guard.verify(token).then(
      () => assert.fail(`accepted: ${token.slice(0, 200)}`),
      (error) => error,
    );
    assert.ok(codes.includes(refusal.code), `${refusal.code}: ${token.slice(0, 200)}`);
  }
}

async function accepts(t, token, options) {
  const guard = createTestGuard(t, issuer, options);
  await guard.ready();
  return guard.verify(token);
}

test("a token put together by hand is accepted when nothing is wrong with it", async (t) => {
  const claims = issuer.claims();
  assert.deepEqual(await accepts(t, signed(headerOf(issuer.active), claims)), claims);
});

test("each algorithm is accepted with its own key", async (t) => {
  for (const key of keys) assert.equal((await accepts(t, await issuer.token({ key }))).sub, "1");
});

test("a guard can insist on fewer algorithms", async (t) => {
  const options = { algorithms: ["ES256"] };
  assert.equal((await accepts(t, await issuer.token({ key: keys[0] }), options)).sub, "1");
  await assert.rejects(accepts(t, await issuer.token({ key: keys[1] }), options), { code: "wrong_algorithm" });
});

// C1
test("none is refused however it is spelt, signed or not", async (t) => {
  for (const alg of ["none", "None", "nOnE", "NONE", "", "none "]) {
    const header = { ...headerOf(issuer.active), alg };
    const unsigned = `${encode(header)}.${encode(issuer.claims())}.`;
    await refuses(t, [unsigned, signed(header, issuer.claims())], "wrong_algorithm", "malformed");
  }
});

// C1 and incident 1: a public key is no HMAC secret, in any of the forms in which an attacker has it.
test("HS256 with the public key as PEM, DER or JWK is refused", async (t) => {
  for (const key of keys) {
    const pem = await exportSPKI(key.publicKey);
    const der = KeyObject.from(key.publicKey).export({ type: "spki", format: "der" });
    for (const secret of [pem, pem.trimEnd(), der, JSON.stringify(key.jwk)]) {
      const forge = (alg) => {
        const input = `${encode({ ...headerOf(key), alg })}.${encode(issuer.claims())}`;
        return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
      };
      await refuses(t, [forge("HS256"), forge("HS384"), forge("HS512")], "wrong_algorithm");
      await refuses(t, forge(key.alg), "bad_signature");
    }
  }
});

// C1
test("the other padding of the same RSA key is refused", async (t) => {
  const rsa = keys[1];
  const input = `${encode({ ...headerOf(rsa), alg: "PS256" })}.${encode(issuer.claims())}`;
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const signature = signWith("sha256", Buffer.from(input), { key: KeyObject.from(rsa.privateKey), ...padding });
  await refuses(t, `${input}.${signature.toString("base64url")}`, "wrong_algorithm");
});

test("the name of the algorithm must be a string in the right case", async (t) => {
  for (const alg of ["es256", "ES256 ", ["ES256"], null, 1, undefined]) {
    const token = signed({ ...headerOf(keys[0]), alg }, issuer.claims(), keys[0]);
    await refuses(t, token, "wrong_algorithm", "malformed");
  }
});

// incident 4
test("an ECDSA signature of zeros is refused, and so is an empty one", async (t) => {
  const [header, claims] = (await issuer.token({ key: keys[0] })).split(".");
  await refuses(t, `${header}.${claims}.${Buffer.alloc(64).toString("base64url")}`, "bad_signature");
  await refuses(t, `${header}.${claims}.`, "bad_signature", "malformed");
});

test("a changed payload or header is refused", async (t) => {
  const [header, , signature] = (await issuer.token()).split(".");
  await refuses(t, `${header}.${encode({ ...issuer.claims(), sub: "2" })}.${signature}`, "bad_signature");
  const [, claims] = (await issuer.token()).split(".");
  await refuses(t, `${encode({ ...headerOf(issuer.active), x: 1 })}.${claims}.${signature}`, "bad_signature");
});

// C2 and incident 2
test("a key in the header is never used", async (t) => {
  const own = await signingKey(issuer.active.kid, issuer.active.alg);
  const claims = issuer.claims();
  const token = await issuer.token({ claims, key: own, header: { jwk: own.jwk } });
  await refuses(t, token, "bad_signature");
  await refuses(t, await issuer.token({ key: own, header: { jwk: own.jwk, kid: "own" } }), "unknown_key");
});

// C2 and incident 3
test("no address in a header is ever asked", async (t) => {
  let hits = 0;
  const own = await signingKey("own");
  const canary = await serve(t, (request, response) => {
    hits += 1;
    response.end(JSON.stringify({ keys: [own.jwk] }));
  });
  const header = { jku: `${canary}/keys`, x5u: `${canary}/certificate` };
  await refuses(t, await issuer.token({ key: own, header }), "unknown_key");
  await refuses(t, await issuer.token({ key: own, header: { ...header, kid: keys[0].kid } }), "bad_signature");
  await refuses(t, await issuer.token({ key: own, header: { kid: `${canary}/kid` } }), "unknown_key");
  await accepts(t, await issuer.token({ header }));
  assert.equal(hits, 0);
});

// C2
test("a kid is looked up and nothing else", async (t) => {
  const kids = ["../../dev/null", "' OR 1=1 --", "__proto__", "constructor", "", "a".repeat(10_000), 1, null, ["x"]];
  for (const kid of [...kids, undefined]) {
    await refuses(t, signed({ ...headerOf(issuer.active), kid }, issuer.claims()), "unknown_key");
  }
});

test("another key with the name of a published one is refused", async (t) => {
  const other = await signingKey(keys[0].kid);
  await refuses(t, await issuer.token({ key: other }), "bad_signature");
});

// incident 7
test("a critical extension is refused, whether it is known or not", async (t) => {
  for (const header of [{ crit: ["x"], x: 1 }, { crit: ["b64"], b64: false }, { crit: [] }, { crit: "b64" }]) {
    await refuses(t, signed({ ...headerOf(issuer.active), ...header }, issuer.claims()), "malformed");
  }
});

// C3, C5
test("a token of another type is refused", async (t) => {
  const types = [
    "JWT",
    "logout+jwt",
    "dpop+jwt",
    "secevent+jwt",
    "revocations+jwt",
    "id+jwt",
    "at+jwtx",
    "",
    undefined,
  ];
  for (const typ of types) await refuses(t, await issuer.token({ header: { typ } }), "wrong_type");
  await refuses(t, signed({ ...headerOf(issuer.active), typ: ["at+jwt"] }, issuer.claims()), "wrong_type", "malformed");
});

test("a type may be written as a media type and in any case", async (t) => {
  for (const typ of ["application/at+jwt", "AT+JWT"]) await accepts(t, await issuer.token({ header: { typ } }));
});

// C3: a switch of the type, not of the check.
test("a guard for tokens of type JWT takes those alone", async (t) => {
  const options = { tokenType: "JWT" };
  await accepts(t, await issuer.token({ header: { typ: "JWT" } }), options);
  await assert.rejects(accepts(t, await issuer.token(), options), { code: "wrong_type" });
  await assert.rejects(accepts(t, await issuer.token({ header: { typ: undefined } }), options), { code: "wrong_type" });
});

// C5
test("an ID token is no access token, even where the type is JWT", async (t) => {
  const { iss, sub, exp, iat } = issuer.claims();
  const idToken = { iss, sub, exp, iat, client_id: undefined, scope: undefined, jti: undefined, sid: undefined };
  const token = await issuer.token({ claims: { ...idToken, nonce: "n" }, header: { typ: "JWT" } });
  await assert.rejects(accepts(t, token, { tokenType: "JWT" }), { code: "bad_claim" });
});

// C4
test("the issuer must be the very text", async (t) => {
  const { url } = issuer;
  for (const iss of [`${url}/`, url.toUpperCase(), "https://other.example", "", [url], null, 1, { url }]) {
    await refuses(t, await issuer.token({ claims: { iss } }), "wrong_issuer");
  }
  await refuses(t, await issuer.token({ claims: { iss: undefined } }), "bad_claim");
});

// C4, C5
test("the audience must be the very text, or one of several", async (t) => {
  const { aud } = issuer.claims();
  await accepts(t, await issuer.token({ claims: { aud: ["https://other.example", aud] } }));
  for (const wrong of [`${aud}/`, "https://other.example", "", [], ["x"], [[aud]], { aud }, null, 1]) {
    await refuses(t, await issuer.token({ claims: { aud: wrong } }), "wrong_audience");
  }
  await refuses(t, await issuer.token({ claims: { aud: [aud, 1] } }), "bad_claim");
  await refuses(t, await issuer.token({ claims: { aud: undefined } }), "bad_claim");
});

// C4
test("a token is over when its time is, give or take five seconds", async (t) => {
  const now = seconds();
  const runtime = { ...fastRuntime(), now: () => now };
  const dangerouslyIgnoreRevocations = true;
  const guard = createTestGuard(t, issuer, { runtime, dangerouslyIgnoreRevocations });
  await guard.ready();
  const at = async (claims) => guard.verify(await issuer.token({ claims }));
  await at({ exp: now - 4 });
  await assert.rejects(at({ exp: now - 5 }), { code: "expired" });
  await at({ nbf: now + 5 });
  await assert.rejects(at({ nbf: now + 6 }), { code: "not_yet_valid" });
  await at({ iat: now + 5 });
  await assert.rejects(at({ iat: now + 6 }), { code: "not_yet_valid" });
  // Fractions are dropped, as in the Rust verifier.
  await assert.rejects(at({ exp: now - 4.25 }), { code: "expired" });
  await at({ nbf: now + 5.75, iat: now + 5.75 });
});

// C4: the Rust verifier has the same default and the same bound.
test("leeway is an option, 0 to 60 seconds, and nbf and iat may always be five seconds ahead", async (t) => {
  const now = seconds();
  const runtime = { ...fastRuntime(), now: () => now };
  const verify = async (leeway, claims) => {
    const guard = createTestGuard(t, issuer, { runtime, leeway, dangerouslyIgnoreRevocations: true });
    await guard.ready();
    return guard.verify(await issuer.token({ claims }));
  };
  await verify(60, { exp: now - 59 });
  await assert.rejects(verify(60, { exp: now - 60 }), { code: "expired" });
  await verify(0, { exp: now + 1 });
  await assert.rejects(verify(0, { exp: now }), { code: "expired" });
  for (const name of ["iat", "nbf"]) {
    await verify(60, { [name]: now + 60 });
    await assert.rejects(verify(60, { [name]: now + 61 }), { code: "not_yet_valid" });
    await verify(0, { [name]: now + 5 });
    await assert.rejects(verify(0, { [name]: now + 6 }), { code: "not_yet_valid" });
  }
});

// C4 and incident 5
test("a claim of the wrong type is an error and never absent", async (t) => {
  const wrong = {
    exp: ["9999999999", null, true, [9999999999], {}],
    iat: ["1", null, [1]],
    nbf: ["1", null, [1]],
    sub: [1, "", null, ["1"]],
    client_id: [1, "", null],
    jti: [1, "", null],
    sid: [1, "", null, "0", "018BCFE5-6801-7BED-8707-BE91D4194CEA", "018bcfe5-6801-7bed-8707-be91d4194cea\n"],
    scope: [["orders:read"], 1, null],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const token = signed(headerOf(issuer.active), { ...issuer.claims(), [name]: value });
      await refuses(t, token, "bad_claim");
    }
  }
});

// C4
test("a time beyond the range of a double is refused", async (t) => {
  for (const name of ["exp", "iat", "nbf"]) {
    const claims = JSON.stringify({ ...issuer.claims(), [name]: "?" }).replace('"?"', "1e400");
    await refuses(t, signed(headerOf(issuer.active), claims), "malformed");
    const negative = claims.replace("1e400", "-1e400");
    await refuses(t, signed(headerOf(issuer.active), negative), "malformed");
  }
});

// C4
test("every claim that a check needs must be there", async (t) => {
  for (const name of ["exp", "iat", "sub", "client_id", "jti", "sid"]) {
    await refuses(t, await issuer.token({ claims: { [name]: undefined } }), "bad_claim");
  }
});

test("a payload that is no object is refused", async (t) => {
  for (const payload of ["[]", "null", '"x"', "1", "", "{", '{"a":1}x']) {
    await refuses(t, signed(headerOf(issuer.active), payload), "malformed");
  }
});

// C7 and incident 8
test("ten megabytes of dots are refused before anything is split", async (t) => {
  await refuses(t, ".".repeat(10 * 1024 * 1024), "too_long");
});

// C7
test("a token may be 16 KiB long and no longer", async (t) => {
  const longest = 16 * 1024;
  const claims = issuer.claims();
  const of = (length) => issuer.token({ claims: { ...claims, padding: "x".repeat(length) } });
  const empty = (await of(0)).length;
  const room = Math.floor(((longest - empty) * 3) / 4) - 3;
  const token = await of(room);
  assert.ok(token.length <= longest && token.length > longest - 16, String(token.length));
  await accepts(t, token);
  const longer = await of(room + 16);
  assert.ok(longer.length > longest && longer.length < longest + 64, String(longer.length));
  await refuses(t, longer, "too_long");
});

// C7 and incident 9
test("an encrypted token is refused", async (t) => {
  const { privateKey } = await generateKeyPair("ES256");
  const inner = await new CompactSign(Buffer.from("x")).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
  const header = encode({ alg: "PBES2-HS256+A128KW", enc: "A128GCM", p2c: 2 ** 31 - 1, zip: "DEF" });
  await refuses(t, `${header}.${inner}.x`, "malformed", "wrong_algorithm");
  await refuses(t, `${header}.x.x.x.x`, "malformed", "wrong_algorithm");
});

test("what is no token at all is refused", async (t) => {
  for (const token of ["", ".", "..", "...", "a.b.c", "a", "\u0000", "é.é.é", "e30.e30.e30"]) {
    await refuses(t, token, "malformed", "wrong_algorithm");
  }
});
