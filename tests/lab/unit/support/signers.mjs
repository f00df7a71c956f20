// Keys of every supported kind, created with Node's crypto and not with the lab's code.
import { constants, createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { encodeText } from "./lab.mjs";

const ieee = { dsaEncoding: "ieee-p1363" };
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };

export const rsaPair = (modulusLength) => generateKeyPairSync("rsa", { modulusLength });
const rsa = rsaPair(2_048);

/** Algorithm → `{ jwk, pem, sign }`; a symmetric key has no `pem`. */
export const signers = {
  ES256: pairOf(generateKeyPairSync("ec", { namedCurve: "P-256" }), "sha256", ieee),
  ES384: pairOf(generateKeyPairSync("ec", { namedCurve: "P-384" }), "sha384", ieee),
  RS256: pairOf(rsa, "sha256", {}),
  PS256: pairOf(rsa, "sha256", pss),
  EdDSA: pairOf(generateKeyPairSync("ed25519"), null, {}),
  HS256: secretOf(randomBytes(32)),
};

/** A token with this header, signed with the key for `alg`, even if the header names another algorithm. */
export function signed(alg, header, claims = { sub: "1" }) {
  const text = `${encodeText(JSON.stringify(header))}.${encodeText(JSON.stringify(claims))}`;
  return `${text}.${signers[alg].sign(text).toString("base64url")}`;
}

function pairOf({ privateKey, publicKey }, hash, how) {
  return {
    jwk: publicKey.export({ format: "jwk" }),
    pem: publicKey.export({ format: "pem", type: "spki" }),
    privateJwk: privateKey.export({ format: "jwk" }),
    privatePem: privateKey.export({ format: "pem", type: "pkcs8" }),
    publicKey,
    sign: (text) => sign(hash, Buffer.from(text), { key: privateKey, ...how }),
  };
}

function secretOf(secret) {
  return {
    jwk: { kty: "oct", k: secret.toString("base64url") },
    sign: (text) => createHmac("sha256", secret).update(text).digest(),
  };
}
