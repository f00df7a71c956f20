// The fixed key of the vectors, and signatures with it. Signatures are deterministic (RFC 6979), so generating the
// file again changes only the vectors whose content changed.
import { createECDH, createHash, createHmac, createPrivateKey, verify } from "node:crypto";

/** The key of RFC 7515 appendix A.3. Its private part is printed in the RFC, so it must never protect anything. */
const KEY = {
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
};
const PRIVATE_SCALAR = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
/** The order of P-256 (FIPS 186-4 §D.1.2.3). */
export const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const BYTES = 32;

export const KID = "test-only";
export const publicJwk = { kty: KEY.kty, use: "sig", alg: "ES256", kid: KID, crv: KEY.crv, x: KEY.x, y: KEY.y };
export const privateJwk = { ...publicJwk, d: PRIVATE_SCALAR };

const privateKey = createPrivateKey({ key: { ...KEY, d: PRIVATE_SCALAR }, format: "jwk" });
/** The public key in the forms that an attacker can use as an HMAC secret. */
export const publicForms = {
  pem: createPublicPem(),
  jwk: JSON.stringify(publicJwk),
};

/** The public key that belongs to another scalar. */
export function publicJwkOf(scalar) {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(Buffer.from(scalar, "base64url"));
  const point = ecdh.getPublicKey();
  const [x, y] = [point.subarray(1, 1 + BYTES), point.subarray(1 + BYTES)].map((bytes) => bytes.toString("base64url"));
  return { kty: "EC", crv: "P-256", x, y };
}

/** The signature over a text as 64 bytes, with the smaller of the two possible values of `s`. */
export function sign(text, scalar = PRIVATE_SCALAR) {
  const hash = createHash("sha256").update(text).digest();
  const secret = Buffer.from(scalar, "base64url");
  const nonce = deterministicNonce(secret, hash);
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(bytesOf(nonce));
  const r = numberOf(ecdh.getPublicKey().subarray(1, 1 + BYTES)) % ORDER;
  const s = mod(inverse(nonce) * (numberOf(hash) + r * numberOf(secret)));
  return signatureOf(r, s > ORDER / 2n ? ORDER - s : s);
}

/** The same signature with the larger value of `s`, which ECDSA also accepts. */
export function withHighS(signature) {
  const [r, s] = numbersOf(signature);
  return signatureOf(r, ORDER - s);
}

export const numbersOf = (signature) => [signature.subarray(0, BYTES), signature.subarray(BYTES)].map(numberOf);
export const signatureOf = (r, s) => Buffer.concat([bytesOf(r), bytesOf(s)]);

/** The signature in the DER encoding that TLS uses and JWS does not (RFC 3279 §2.2.3). */
export function derOf(signature) {
  const integer = (bytes) => {
    const minimal = bytes[0] >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
    return Buffer.concat([Buffer.of(0x02, minimal.length), minimal]);
  };
  const body = Buffer.concat([integer(signature.subarray(0, BYTES)), integer(signature.subarray(BYTES))]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

export function isSigned(text, signature) {
  return verify("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" }, signature);
}

/** RFC 6979 §3.2, for SHA-256 and P-256. */
function deterministicNonce(secret, hash) {
  const seed = Buffer.concat([secret, bytesOf(mod(numberOf(hash)))]);
  const hmac = (key, ...parts) => createHmac("sha256", key).update(Buffer.concat(parts)).digest();
  let [key, value] = [Buffer.alloc(BYTES, 0), Buffer.alloc(BYTES, 1)];
  for (const separator of [0, 1]) {
    key = hmac(key, value, Buffer.of(separator), seed);
    value = hmac(key, value);
  }
  value = hmac(key, value);
  const nonce = numberOf(value);
  if (nonce === 0n || nonce >= ORDER) throw new Error("the first nonce is out of range; change the text");
  return nonce;
}

/** By Fermat's theorem, because the order is a prime. */
function inverse(number) {
  let [result, base, exponent] = [1n, number, ORDER - 2n];
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = mod(result * base);
    base = mod(base * base);
  }
  return result;
}

const mod = (number) => ((number % ORDER) + ORDER) % ORDER;
const numberOf = (bytes) => BigInt(`0x${bytes.toString("hex")}`);
const bytesOf = (number) => Buffer.from(number.toString(16).padStart(2 * BYTES, "0"), "hex");

/** RFC 5480 §2: the prefix of every uncompressed P-256 key, then the coordinates. */
function createPublicPem() {
  const prefix = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");
  const der = Buffer.concat([prefix, Buffer.from(KEY.x, "base64url"), Buffer.from(KEY.y, "base64url")]);
  const lines = der.toString("base64").match(/.{1,64}/g);
  return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`;
}
