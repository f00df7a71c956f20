// ES256 signatures: two numbers of 32 bytes each (RFC 7518 §3.4).
import { accept, refuse } from "./case.mjs";
import { CLAIMS, encode, ofClaims, ofSignature } from "../token.mjs";
import { derOf, numbersOf, ORDER, sign, signatureOf, withHighS } from "../signing.mjs";

export const signatures = () => {
  const token = ofClaims({});
  const [header, payload, text] = token.split(".");
  const signature = Buffer.from(text, "base64url");
  const [r, s] = numbersOf(signature);
  const flipped = Buffer.from(signature);
  flipped[40] ^= 1;
  return [
    accept("a signature with low s", ofSignature(signature), "either value of s is valid"),
    accept(
      "a signature with high s",
      ofSignature(withHighS(signature)),
      "either value of s is valid; RFC 7518 does not require the lower one",
    ),
    refuse("a signature of zeros", ofSignature(Buffer.alloc(64)), "r and s must not be zero"),
    refuse("r zero", ofSignature(signatureOf(0n, s)), "r must not be zero"),
    refuse("s zero", ofSignature(signatureOf(r, 0n)), "s must not be zero"),
    refuse("r and s equal to the order", ofSignature(signatureOf(ORDER, ORDER)), "r and s must be less than the order"),
    refuse("s negated without the order", ofSignature(signatureOf(r, 2n ** 256n - s)), "s may be replaced only by the order minus s"),
    refuse("r and s swapped", ofSignature(signatureOf(s, r)), "the signature does not verify"),
    refuse("one bit of s changed", ofSignature(flipped), "the signature does not verify"),
    refuse("a signature in DER", ofSignature(derOf(signature)), "JWS concatenates r and s"),
    refuse("a signature of 63 bytes", ofSignature(signature.subarray(0, 63)), "the signature has 64 bytes"),
    refuse(
      "a signature of 65 bytes",
      ofSignature(Buffer.concat([signature, Buffer.of(0)])),
      "the signature has 64 bytes",
    ),
    refuse(
      "a signature with a zero in front",
      ofSignature(Buffer.concat([Buffer.of(0), signature])),
      "the signature has 64 bytes",
    ),
    refuse("a signature twice", ofSignature(Buffer.concat([signature, signature])), "the signature has 64 bytes"),
    refuse("a signature of one byte", ofSignature(Buffer.of(1)), "the signature has 64 bytes"),
    refuse(
      "the signature of another payload",
      `${header}.${encode(JSON.stringify({ ...CLAIMS, sub: "admin" }))}.${text}`,
      "the signature covers the payload",
    ),
    refuse(
      "the signature of another header",
      `${encode('{"kid":"test-only","typ":"at+jwt","alg":"ES256"}')}.${payload}.${text}`,
      "the signature covers the header",
    ),
    refuse("a signature over the payload alone", ofSignature(sign(payload)), "the signature covers the header"),
    refuse(
      "a signature over the decoded contents",
      ofSignature(sign(Buffer.from(`${header}${payload}`, "base64url"))),
      "the signature covers the encoded parts",
    ),
  ];
};
