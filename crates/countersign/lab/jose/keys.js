// Reads keys that a user pastes: a JWK, a JWK Set (RFC 7517), or public keys in PEM. It rejects private keys, and reports text
// that is not a key.
import { bytesOfBase64, encodeBase64url } from "./base64url.js";
import { jwkOfRsa, jwkOfSpki } from "./der.js";
import { readJson } from "./json.js";
import { readJwk } from "./jwk.js";

/** In characters; room for a hundred large keys. */
export const LONGEST_KEYS = 128 * 1024;
const MOST_KEYS = 100;
/** In characters. A longer text, or one with several lines, is not taken for a shared secret. */
const LONGEST_SECRET = 128;

const PRIVATE_PEM = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/;
const PEM = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g;

/**
 * `{ keys, problems }`. A key is `{ kid, alg, algs, kty, crv, jwk, source }`: `alg` is its algorithm, `algs` lists all
 * possible algorithms if the key does not name one, and `source` is "jwk", "jwks" or "pem". A problem is `{ code, text }`.
 */
export function readKeys(text) {
  if (typeof text !== "string" || text.trim() === "") return none("empty");
  if (text.length > LONGEST_KEYS) return none("too-long");
  const start = text.trim();
  if (start.startsWith("{")) return readJwks(start);
  return start.includes("-----BEGIN ") ? readPems(start) : { keys: [], problems: [noKey(start)] };
}

/** The page does not guess that a text is a shared secret. Its message shows how to paste the text as a JWK. */
function noKey(text) {
  const { code, text: sentence } = problem("no-key");
  const isShort = text.length <= LONGEST_SECRET && !text.includes("\n");
  const k = isShort ? encodeBase64url(new TextEncoder().encode(text)) : "BASE64URL";
  const how = `If the text is the shared secret of HS256, paste it as {"kty":"oct","k":"${k}"}`;
  return { code, text: `${sentence} ${how}${isShort ? ", which is this text in base64url" : ", with the secret in base64url"}.` };
}

function readJwks(text) {
  const { value, problems } = readJson(text);
  const found = problems.map((problem) => ({ ...problem, text: `The text ${problem.text}.` }));
  if (value === undefined) return { keys: [], problems: found };
  if (!Array.isArray(value.keys)) return gather([readJwk(value, "jwk", "The key")], found);
  if (value.keys.length === 0) return none("no-keys");
  if (value.keys.length > MOST_KEYS) return none("too-many");
  return gather(value.keys.map((jwk, index) => readJwk(jwk, "jwks", `Key ${index + 1} of the set`)), found);
}

function readPems(text) {
  if (PRIVATE_PEM.test(text)) return none("private-key");
  const blocks = [...text.matchAll(PEM)];
  if (blocks.length === 0) return none("cut-off");
  if (blocks.length > MOST_KEYS) return none("too-many");
  return gather(blocks.map(([, label, body]) => readPem(label, body)), []);
}

function readPem(label, body) {
  if (label === "CERTIFICATE") return { problem: problem("certificate") };
  if (label !== "PUBLIC KEY" && label !== "RSA PUBLIC KEY") return { problem: problem("no-public-key") };
  const der = bytesOfBase64(body.replace(/\s+/g, ""));
  const jwk = der && (label === "PUBLIC KEY" ? jwkOfSpki(der) : jwkOfRsa(der));
  return jwk ? readJwk(jwk, "pem", "The key") : { problem: problem("unsupported") };
}

/** Also reports key IDs that occur twice, because a verifier could not tell such keys apart. */
function gather(read, found) {
  const keys = read.flatMap(({ key }) => key ?? []);
  const problems = [...found, ...read.flatMap((one) => one.problem ?? [])];
  const names = keys.flatMap(({ kid }) => kid ?? []);
  if (new Set(names).size < names.length) problems.push(problem("duplicate-kid"));
  return { keys, problems };
}

const none = (code) => ({ keys: [], problems: [problem(code)] });
const problem = (code) => ({ code, text: SENTENCES[code] });

const SENTENCES = {
  "empty": "There is no key yet.",
  "too-long": "The text is longer than any key set, so it was not read.",
  "too-many": `There are too many keys. The maximum is ${MOST_KEYS}.`,
  "no-keys": "The key set is empty.",
  "no-key":
    "This is not a supported key. Paste a JWK or a JWK Set, which begin with {, or a public key in PEM, which " +
    "begins with -----BEGIN PUBLIC KEY-----.",
  "no-public-key": "This PEM text is not a public key. A public key begins with -----BEGIN PUBLIC KEY-----.",
  "cut-off": "The PEM text is incomplete: paste it from -----BEGIN to the end of the -----END line.",
  "certificate":
    "This is a certificate. Paste its public key instead: " +
    "openssl x509 -in certificate.pem -noout -pubkey prints it.",
  "private-key":
    "This is a private key, so it was discarded. To verify, paste its public key: openssl pkey -in key.pem -pubout " +
    "prints it. If the private key is in use and others may have seen it, replace it.",
  "unsupported":
    "This PEM text has no supported key. Supported are RSA, P-256 and P-384 with both coordinates, and Ed25519.",
  "duplicate-kid": "Two of the keys have the same ID (kid). A verifier rejects such a set, because it cannot tell the keys apart.",
};
