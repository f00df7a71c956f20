// Builds the tokens of the vectors from exact bytes. A signature always covers the bytes as they are sent.
import { createHmac } from "node:crypto";
import { KID, sign } from "./signing.mjs";

export const ISSUER = "https://id.example";
export const AUDIENCE = "https://api.example";
export const NOW = 1_800_000_000;

export const HEADER = { alg: "ES256", typ: "at+jwt", kid: KID };
export const CLAIMS = {
  iss: ISSUER,
  sub: "user-1",
  aud: AUDIENCE,
  exp: NOW + 600,
  iat: NOW - 60,
  jti: "token-1",
  client_id: "client-1",
  sid: "01a3185c-5000-7000-8000-000000000001",
};

/** Base64url without padding, of text or bytes. */
export const encode = (content) => Buffer.from(content).toString("base64url");

/** A token of two encoded parts, with a signature over them. */
export const ofParts = (header, payload) => `${header}.${payload}.${encode(sign(`${header}.${payload}`))}`;

/** A token of two contents, each text or bytes. */
export const ofContents = (header, payload) => ofParts(encode(header), encode(payload));

/** A valid token with another header text or other payload text. */
export const ofHeaderText = (text) => ofContents(text, JSON.stringify(CLAIMS));
export const ofPayloadText = (text) => ofContents(JSON.stringify(HEADER), text);

/** A valid token with changed members. `undefined` removes one. */
export const ofHeader = (changes) => ofHeaderText(JSON.stringify({ ...HEADER, ...changes }));
export const ofClaims = (changes) => ofPayloadText(JSON.stringify({ ...CLAIMS, ...changes }));

/** The JSON text of an object, followed by more members that are given as JSON text. */
export function textWith(object, members) {
  return JSON.stringify(object).replace(/\}$/, `,${members}}`);
}

/** A valid token whose claim `name` has this JSON text as its value. */
export function ofClaimText(name, value) {
  const { [name]: _, ...others } = CLAIMS;
  return ofPayloadText(textWith(others, `"${name}":${value}`));
}

/** A valid token with more members in the payload or header, given as JSON text. */
export const ofMoreClaims = (members) => ofPayloadText(textWith(CLAIMS, members));
export const ofMoreHeader = (members) => ofHeaderText(textWith(HEADER, members));

/** The valid token with another signature. */
export function ofSignature(signature) {
  const [header, payload] = ofClaims({}).split(".");
  return `${header}.${payload}.${typeof signature === "string" ? signature : encode(signature)}`;
}

/** A token with an HMAC in place of the signature. */
export function ofSecret(header, secret) {
  const text = `${encode(JSON.stringify({ ...HEADER, ...header }))}.${encode(JSON.stringify(CLAIMS))}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** A valid token of exactly `length` characters. */
export function ofLength(length) {
  for (let more = 0; more < 8; more += 1) {
    const header = { ...HEADER, more: "m".repeat(more) };
    const fixed = encode(JSON.stringify(header)).length + 2 + 86;
    const payload = JSON.stringify({ ...CLAIMS, padding: "" });
    const room = Math.floor(((length - fixed) * 3) / 4) - payload.length;
    const token = ofContents(
      JSON.stringify(header),
      payload.replace('"padding":""', `"padding":"${"p".repeat(room)}"`),
    );
    if (token.length === length) return token;
  }
  throw new Error(`cannot make a token of ${length} characters`);
}

/** JSON text of `depth` nested arrays or objects. */
export const arrays = (depth) => "[".repeat(depth) + "]".repeat(depth);
export const objects = (depth) => '{"a":'.repeat(depth - 1) + "{}" + "}".repeat(depth - 1);
