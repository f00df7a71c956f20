// Decodes tokens, and forges the invalid tokens that no server would issue.
import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const decode = (part) => JSON.parse(Buffer.from(part, "base64url"));

export const header = (token) => decode(token.split(".")[0]);
export const claims = (token) => decode(token.split(".")[1]);

/** Requests without a valid Authorization header. RFC 6750 §3.1 requires 400 for the malformed ones. */
export function requestsWithoutToken(good) {
  const malformed = [
    { name: "an empty Authorization header", headers: { Authorization: "" } },
    { name: "a scheme without a token", headers: { Authorization: "Bearer" } },
    { name: "two tokens", headers: { Authorization: `Bearer ${good} ${good}` } },
    { name: "the token as a Basic credential", headers: { Authorization: `Basic ${good}` } },
    { name: "the token without a scheme", headers: { Authorization: good } },
    { name: "the token in the query string", headers: {}, query: `?access_token=${good}` },
  ];
  return [
    { name: "no Authorization header", headers: {} },
    ...malformed.map((request) => ({ ...request, malformed: true })),
  ];
}

export function garbage(good, refreshToken) {
  const [head, payload, signature] = good.split(".");
  const texts = {
    "one word": "garbage",
    "three words": "a.b.c",
    "only dots": "..",
    "a header that is null": `${encode("null")}.${payload}.${signature}`,
    "a header that is a list": `${encode("[]")}.${payload}.${signature}`,
    "a header without alg": `${encode({ typ: "at+jwt", kid: header(good).kid })}.${payload}.${signature}`,
    "a token that lacks its signature": `${head}.${payload}`,
    "a token with a fourth part": `${good}.${signature}`,
    "a long text": `${head}.${"A".repeat(6_000)}.${signature}`,
    "a refresh token": refreshToken,
  };
  return Object.entries(texts).map(([name, token]) => ({ name, token }));
}

export function withInventedKeyIds(good) {
  const [, payload, signature] = good.split(".");
  const kids = Array.from({ length: 20 }, (_, index) => `invented-${index}`);
  return kids.map((kid) => ({ name: kid, token: `${encode({ ...header(good), kid })}.${payload}.${signature}` }));
}

export function tampered(good) {
  const [head, payload, signature] = good.split(".");
  const raw = Buffer.from(signature, "base64url");
  const flipped = Buffer.from(raw);
  flipped[20] ^= 1;
  const parts = {
    "another subject": [head, encode({ ...claims(good), sub: "other-user" }), signature],
    "a later expiry": [head, encode({ ...claims(good), exp: claims(good).exp + 3600 }), signature],
    "another typ": [encode({ ...header(good), typ: "JWT" }), payload, signature],
    "one bit of the signature changed": [head, payload, flipped.toString("base64url")],
    "half a signature": [head, payload, raw.subarray(0, 32).toString("base64url")],
    "an empty signature": [head, payload, ""],
    "a signature of zeros": [head, payload, Buffer.alloc(64).toString("base64url")],
    "the signature in DER": [head, payload, der(raw).toString("base64url")],
  };
  return Object.entries(parts).map(([name, list]) => ({ name, token: list.join(".") }));
}

export function unsigned(good) {
  const [, payload, signature] = good.split(".");
  const spellings = ["none", "None", "NONE", "nOnE", ""];
  const spelled = (alg) => encode({ ...header(good), alg });
  return [
    ...spellings.map((alg) => ({ name: `alg "${alg}" without a signature`, token: `${spelled(alg)}.${payload}.` })),
    { name: "alg none with the old signature", token: `${spelled("none")}.${payload}.${signature}` },
  ];
}

/** A verifier that uses the public key as an HMAC secret accepts these tokens, which anyone can sign. */
export function signedWithPublicKey(good, keySet) {
  const jwk = keySet.keys.find(({ kid }) => kid === header(good).kid);
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const pem = key.export({ type: "spki", format: "pem" });
  const secrets = {
    "the public key as PEM": pem,
    "the public key as PEM without its last line end": pem.trimEnd(),
    "the public key as DER": key.export({ type: "spki", format: "der" }),
    "the text of the JWK": JSON.stringify(jwk),
    "the text of the key set": JSON.stringify(keySet),
    "an empty secret": "",
  };
  return Object.entries(secrets).map(([name, secret]) => {
    const input = `${encode({ ...header(good), alg: "HS256" })}.${good.split(".")[1]}`;
    const signature = createHmac("sha256", secret).update(input).digest("base64url");
    return { name: `HS256 with ${name}`, token: `${input}.${signature}` };
  });
}

/** `keySetUrl` is the URL of the forger's key set. Its server counts the requests. */
export function signedByForger(good, keySetUrl) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = { ...publicKey.export({ format: "jwk" }), use: "sig", alg: "ES256", kid: "forged" };
  const forge = (name, fields) => {
    const input = `${encode(fields)}.${good.split(".")[1]}`;
    const signature = sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
    return { name: `another key, ${name}`, token: `${input}.${signature.toString("base64url")}` };
  };
  const { kid, ...rest } = header(good);
  const tokens = [
    forge("the same kid", { ...rest, kid }),
    forge("no kid", rest),
    forge("in the header as jwk", { ...rest, kid, jwk }),
    forge("in the header as jwk, no kid", { ...rest, jwk }),
    forge("named by jku", { ...rest, kid: jwk.kid, jku: keySetUrl }),
  ];
  return { keySet: { keys: [jwk] }, tokens };
}

function der(raw) {
  const integer = (bytes) => {
    const from = bytes.findIndex((byte) => byte !== 0);
    const body = bytes[from] & 0x80 ? Buffer.concat([Buffer.of(0), bytes.subarray(from)]) : bytes.subarray(from);
    return Buffer.concat([Buffer.of(2, body.length), body]);
  };
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}
