// Tokens that attackers send. The signature is valid unless a test is about the signature, so that only the content can cause
// the refusal. Each test names the check that must fail.
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

/** Signs contents that a library would refuse to sign. */
function signed(header, claims, key = issuer.active) {
  const input = `${encode(header)}.${encode(claims)}`;
  const privateKey = KeyObject.from(key.privateKey);
  const signature = signWith("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** Asserts that a guard rejects tokens with one of the given codes. */
async function assertRefused(t, tokens, ...codes) {
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

async function verify(t, token, options) {
  const guard = createTestGuard(t, issuer, options);
  await guard.ready();
  return guard.verify(token);
}

test("accepts a valid token from the helper `signed`", async (t) => {
  const claims = issuer.claims();
  assert.deepEqual(await verify(t, signed(headerOf(issuer.active), claims)), claims);
});

test("accepts each algorithm with its key", async (t) => {
  for (const key of keys) assert.equal((await verify(t, await issuer.token({ key }))).sub, "1");
});

test("a guard can accept fewer algorithms", async (t) => {
  const options = { algorithms: ["ES256"] };
  assert.equal((await verify(t, await issuer.token({ key: keys[0] }), options)).sub, "1");
  await assert.rejects(verify(t, await issuer.token({ key: keys[1] }), options), { code: "wrong_algorithm" });
});

// C1
test("rejects the algorithm none in any case, signed or not", async (t) => {
  for (const alg of ["none", "None", "nOnE", "NONE", "", "none "]) {
    const header = { ...headerOf(issuer.active), alg };
    const unsigned = `${encode(header)}.${encode(issuer.claims())}.`;
    await assertRefused(t, [unsigned, signed(header, issuer.claims())], "wrong_algorithm", "malformed");
  }
});

// C1 and incident 1: the guard must not use a public key as an HMAC secret, whatever encoding an attacker chooses.
test("rejects HS256 with the public key as PEM, DER or JWK", async (t) => {
  for (const key of keys) {
    const pem = await exportSPKI(key.publicKey);
    const der = KeyObject.from(key.publicKey).export({ type: "spki", format: "der" });
    for (const secret of [pem, pem.trimEnd(), der, JSON.stringify(key.jwk)]) {
      const forge = (alg) => {
        const input = `${encode({ ...headerOf(key), alg })}.${encode(issuer.claims())}`;
        return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
      };
      await assertRefused(t, [forge("HS256"), forge("HS384"), forge("HS512")], "wrong_algorithm");
      await assertRefused(t, forge(key.alg), "bad_signature");
    }
  }
});

// C1
test("rejects the other padding with the same RSA key", async (t) => {
  const rsa = keys[1];
  const input = `${encode({ ...headerOf(rsa), alg: "PS256" })}.${encode(issuer.claims())}`;
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const signature = signWith("sha256", Buffer.from(input), { key: KeyObject.from(rsa.privateKey), ...padding });
  await assertRefused(t, `${input}.${signature.toString("base64url")}`, "wrong_algorithm");
});

test("`alg` must be a string in the right case", async (t) => {
  for (const alg of ["es256", "ES256 ", ["ES256"], null, 1, undefined]) {
    const token = signed({ ...headerOf(keys[0]), alg }, issuer.claims(), keys[0]);
    await assertRefused(t, token, "wrong_algorithm", "malformed");
  }
});

// incident 4
test("rejects an ECDSA signature of zeros and an empty one", async (t) => {
  const [header, claims] = (await issuer.token({ key: keys[0] })).split(".");
  await assertRefused(t, `${header}.${claims}.${Buffer.alloc(64).toString("base64url")}`, "bad_signature");
  await assertRefused(t, `${header}.${claims}.`, "bad_signature", "malformed");
});

test("rejects a changed payload or header", async (t) => {
  const [header, , signature] = (await issuer.token()).split(".");
  await assertRefused(t, `${header}.${encode({ ...issuer.claims(), sub: "2" })}.${signature}`, "bad_signature");
  const [, claims] = (await issuer.token()).split(".");
  await assertRefused(t, `${encode({ ...headerOf(issuer.active), x: 1 })}.${claims}.${signature}`, "bad_signature");
});

// C2 and incident 2
test("never uses a key in the header", async (t) => {
  const own = await signingKey(issuer.active.kid, issuer.active.alg);
  const claims = issuer.claims();
  const token = await issuer.token({ claims, key: own, header: { jwk: own.jwk } });
  await assertRefused(t, token, "bad_signature");
  await assertRefused(t, await issuer.token({ key: own, header: { jwk: own.jwk, kid: "own" } }), "unknown_key");
});

// C2 and incident 3
test("never requests a URL in the header", async (t) => {
  let hits = 0;
  const own = await signingKey("own");
  const canary = await serve(t, (request, response) => {
    hits += 1;
    response.end(JSON.stringify({ keys: [own.jwk] }));
  });
  const header = { jku: `${canary}/keys`, x5u: `${canary}/certificate` };
  await assertRefused(t, await issuer.token({ key: own, header }), "unknown_key");
  await assertRefused(t, await issuer.token({ key: own, header: { ...header, kid: keys[0].kid } }), "bad_signature");
  await assertRefused(t, await issuer.token({ key: own, header: { kid: `${canary}/kid` } }), "unknown_key");
  await verify(t, await issuer.token({ header }));
  assert.equal(hits, 0);
});

// C2
test("uses `kid` only to look up a key", async (t) => {
  const kids = ["../../dev/null", "' OR 1=1 --", "__proto__", "constructor", "", "a".repeat(10_000), 1, null, ["x"]];
  for (const kid of [...kids, undefined]) {
    await assertRefused(t, signed({ ...headerOf(issuer.active), kid }, issuer.claims()), "unknown_key");
  }
});

test("rejects a signature of another key with a published kid", async (t) => {
  const other = await signingKey(keys[0].kid);
  await assertRefused(t, await issuer.token({ key: other }), "bad_signature");
});

// incident 7
test("rejects every critical extension", async (t) => {
  for (const header of [{ crit: ["x"], x: 1 }, { crit: ["b64"], b64: false }, { crit: [] }, { crit: "b64" }]) {
    await assertRefused(t, signed({ ...headerOf(issuer.active), ...header }, issuer.claims()), "malformed");
  }
});

// C3, C5
test("rejects a token of another type", async (t) => {
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
  for (const typ of types) await assertRefused(t, await issuer.token({ header: { typ } }), "wrong_type");
  await assertRefused(t, signed({ ...headerOf(issuer.active), typ: ["at+jwt"] }, issuer.claims()), "wrong_type", "malformed");
});

test("`typ` may have the prefix application/ and ignores case", async (t) => {
  for (const typ of ["application/at+jwt", "AT+JWT"]) await verify(t, await issuer.token({ header: { typ } }));
});

// C3: the option selects the type and does not disable the check.
test("a guard for tokens of the type JWT accepts no others", async (t) => {
  const options = { tokenType: "JWT" };
  await verify(t, await issuer.token({ header: { typ: "JWT" } }), options);
  await assert.rejects(verify(t, await issuer.token(), options), { code: "wrong_type" });
  await assert.rejects(verify(t, await issuer.token({ header: { typ: undefined } }), options), { code: "wrong_type" });
});

// C5
test("rejects an ID token, even if the guard accepts the type JWT", async (t) => {
  const { iss, sub, exp, iat } = issuer.claims();
  const idToken = { iss, sub, exp, iat, client_id: undefined, scope: undefined, jti: undefined, sid: undefined };
  const token = await issuer.token({ claims: { ...idToken, nonce: "n" }, header: { typ: "JWT" } });
  await assert.rejects(verify(t, token, { tokenType: "JWT" }), { code: "bad_claim" });
});

// C4
test("`iss` must equal the issuer exactly", async (t) => {
  const { url } = issuer;
  for (const iss of [`${url}/`, url.toUpperCase(), "https://other.example", "", [url], null, 1, { url }]) {
    await assertRefused(t, await issuer.token({ claims: { iss } }), "wrong_issuer");
  }
  await assertRefused(t, await issuer.token({ claims: { iss: undefined } }), "bad_claim");
});

// C4, C5
test("`aud` must equal the audience exactly, or be an array that contains it", async (t) => {
  const { aud } = issuer.claims();
  await verify(t, await issuer.token({ claims: { aud: ["https://other.example", aud] } }));
  for (const wrong of [`${aud}/`, "https://other.example", "", [], ["x"], [[aud]], { aud }, null, 1]) {
    await assertRefused(t, await issuer.token({ claims: { aud: wrong } }), "wrong_audience");
  }
  await assertRefused(t, await issuer.token({ claims: { aud: [aud, 1] } }), "bad_claim");
  await assertRefused(t, await issuer.token({ claims: { aud: undefined } }), "bad_claim");
});

// C4
test("checks `exp`, `nbf` and `iat` with five seconds of leeway", async (t) => {
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
test("`leeway` can be 0 to 60 seconds, and nbf and iat may always be five seconds ahead", async (t) => {
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
test("a claim of the wrong type is an error and never counts as absent", async (t) => {
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
      await assertRefused(t, token, "bad_claim");
    }
  }
});

// C4
test("rejects a time beyond the range of a double", async (t) => {
  for (const name of ["exp", "iat", "nbf"]) {
    const claims = JSON.stringify({ ...issuer.claims(), [name]: "?" }).replace('"?"', "1e400");
    await assertRefused(t, signed(headerOf(issuer.active), claims), "malformed");
    const negative = claims.replace("1e400", "-1e400");
    await assertRefused(t, signed(headerOf(issuer.active), negative), "malformed");
  }
});

// C4
test("rejects a token without a required claim", async (t) => {
  for (const name of ["exp", "iat", "sub", "client_id", "jti", "sid"]) {
    await assertRefused(t, await issuer.token({ claims: { [name]: undefined } }), "bad_claim");
  }
});

test("rejects a payload that is not a JSON object", async (t) => {
  for (const payload of ["[]", "null", '"x"', "1", "", "{", '{"a":1}x']) {
    await assertRefused(t, signed(headerOf(issuer.active), payload), "malformed");
  }
});

// C7 and incident 8
test("rejects ten megabytes of dots before splitting the token", async (t) => {
  await assertRefused(t, ".".repeat(10 * 1024 * 1024), "too_long");
});

// C7
test("accepts a token of 16 KiB and rejects a longer one", async (t) => {
  const longest = 16 * 1024;
  const claims = issuer.claims();
  const tokenWithPadding = (length) => issuer.token({ claims: { ...claims, padding: "x".repeat(length) } });
  const empty = (await tokenWithPadding(0)).length;
  const room = Math.floor(((longest - empty) * 3) / 4) - 3;
  const token = await tokenWithPadding(room);
  assert.ok(token.length <= longest && token.length > longest - 16, String(token.length));
  await verify(t, token);
  const longer = await tokenWithPadding(room + 16);
  assert.ok(longer.length > longest && longer.length < longest + 64, String(longer.length));
  await assertRefused(t, longer, "too_long");
});

// C7 and incident 9
test("rejects an encrypted token", async (t) => {
  const { privateKey } = await generateKeyPair("ES256");
  const inner = await new CompactSign(Buffer.from("x")).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
  const header = encode({ alg: "PBES2-HS256+A128KW", enc: "A128GCM", p2c: 2 ** 31 - 1, zip: "DEF" });
  await assertRefused(t, `${header}.${inner}.x`, "malformed", "wrong_algorithm");
  await assertRefused(t, `${header}.x.x.x.x`, "malformed", "wrong_algorithm");
});

test("rejects texts that are not a JWS", async (t) => {
  for (const token of ["", ".", "..", "...", "a.b.c", "a", "\u0000", "é.é.é", "e30.e30.e30"]) {
    await assertRefused(t, token, "malformed", "wrong_algorithm");
  }
});
