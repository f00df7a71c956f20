// Creates valid and forged tokens for the experiments. Only `how` determines the signature, so the header can name another
// algorithm than the one that was used.
import { encodeBase64url } from "./base64url.js";

const P256 = { name: "ECDSA", namedCurve: "P-256" };

/** `how` is `{ none: true }`, `{ secret: Uint8Array }` for HS256, or `{ privateKey: CryptoKey }` for ES256. */
export async function signWith(header, claims, how) {
  const signed = [header, claims].map((part) => encodeBase64url(bytesOf(JSON.stringify(part)))).join(".");
  return `${signed}.${encodeBase64url(await signatureOf(bytesOf(signed), how))}`;
}

/** `{ privateKey, publicJwk }`, for ES256. The private key is not extractable. */
export async function generateKey() {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(P256, false, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  return { privateKey, publicJwk: { kty, crv, x, y } };
}

async function signatureOf(bytes, { none, secret, privateKey }) {
  if (none) return new Uint8Array();
  if (privateKey) return new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, bytes));
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
}

const bytesOf = (text) => new TextEncoder().encode(text);
