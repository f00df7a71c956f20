// A minimal DER reader (X.690 §8.1) for the numbers of a public key in a PEM file (RFC 5280 §4.1.2.7).
import { encodeBase64url } from "./base64url.js";

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const IDENTIFIER = 0x06;
const SEQUENCE = 0x30;

/** Object identifiers in DER, as hexadecimal text. */
const RSA = "2a864886f70d010101";
const RSA_PSS = "2a864886f70d01010a";
const ELLIPTIC_CURVE = "2a8648ce3d0201";
const ED25519 = "2b6570";
const CURVES = new Map([
  ["2a8648ce3d030107", { crv: "P-256", bytes: 32 }],
  ["2b81040022", { crv: "P-384", bytes: 48 }],
]);
/** The prefix of a point with both coordinates (SEC 1 §2.3.3). */
const UNCOMPRESSED = 4;

/** The JWK of a SubjectPublicKeyInfo; null if the bytes are not one, or the key is of an unsupported kind. */
export function jwkOfSpki(der) {
  const [identity, bits] = whole(der, [SEQUENCE, BIT_STRING]) ?? [];
  const [kind, parameters] = identity ? childrenOf(identity) ?? [] : [];
  if (kind?.tag !== IDENTIFIER || bits.content[0] !== 0) return null;
  const key = bits.content.subarray(1);
  const name = hexOf(kind.content);
  if (name === RSA) return jwkOfRsa(key);
  if (name === RSA_PSS) return withAlgorithm(jwkOfRsa(key), "PS256");
  if (name === ED25519) return key.length === 32 ? { kty: "OKP", crv: "Ed25519", x: encodeBase64url(key) } : null;
  return name === ELLIPTIC_CURVE && parameters ? jwkOfPoint(key, CURVES.get(hexOf(parameters.content))) : null;
}

/** The JWK of an RSAPublicKey (RFC 8017 §A.1.1), the content of a `BEGIN RSA PUBLIC KEY` block. */
export function jwkOfRsa(der) {
  const [modulus, exponent] = whole(der, [INTEGER, INTEGER]) ?? [];
  return modulus ? { kty: "RSA", n: numberOf(modulus), e: numberOf(exponent) } : null;
}

const withAlgorithm = (jwk, alg) => jwk && { ...jwk, alg };

function jwkOfPoint(point, curve) {
  if (!curve || point[0] !== UNCOMPRESSED || point.length !== 1 + 2 * curve.bytes) return null;
  const x = point.subarray(1, 1 + curve.bytes);
  return { kty: "EC", crv: curve.crv, x: encodeBase64url(x), y: encodeBase64url(point.subarray(1 + curve.bytes)) };
}

/** DER adds a zero byte before a number whose first bit is set; a JWK does not. */
const numberOf = ({ content }) => encodeBase64url(content[0] === 0 ? content.subarray(1) : content);

/** The children of a sequence that spans all bytes; null unless the children have exactly these tags. */
function whole(der, tags) {
  const outer = elementAt(der, 0);
  if (outer?.tag !== SEQUENCE || outer.end !== der.length) return null;
  const children = childrenOf(outer);
  const fits = children?.length === tags.length && children.every(({ tag }, index) => tag === tags[index]);
  return fits ? children : null;
}

function childrenOf({ content }) {
  const children = [];
  for (let at = 0; at < content.length; at = children.at(-1).end) {
    const child = elementAt(content, at);
    if (!child) return null;
    children.push(child);
  }
  return children;
}

/** `{ tag, content, end }`; null if the bytes end before the element does. */
function elementAt(bytes, at) {
  const [tag, first] = bytes.subarray(at, at + 2);
  if (first === undefined) return null;
  const more = first < 0x80 ? 0 : first & 0x7f;
  // A length of four bytes would mean gigabytes, and DER has no indefinite length (0x80).
  if (first === 0x80 || more > 3) return null;
  const counted = bytes.subarray(at + 2, at + 2 + more);
  const length = more === 0 ? first : counted.reduce((sum, byte) => sum * 256 + byte, 0);
  const start = at + 2 + more;
  const end = start + length;
  return counted.length === more && end <= bytes.length ? { tag, content: bytes.subarray(start, end), end } : null;
}

const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
