// Runs a batch of signing and verification requests with jose or jsonwebtoken; see README.md.
import { createPrivateKey, createPublicKey, createSecretKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { SignJWT, createLocalJWKSet, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";

const bytes = (text) => Buffer.from(text, "base64url");

const privateKey = ({ algorithm, key }) =>
  algorithm === "HS256"
    ? createSecretKey(bytes(key))
    : createPrivateKey({ key: bytes(key), format: "der", type: "pkcs8" });

const jose = {
  async sign(batch, request) {
    const header = { alg: request.algorithm, typ: batch.type, kid: request.key_id };
    return { token: await new SignJWT(request.claims).setProtectedHeader(header).sign(privateKey(request)) };
  },
  async verify(batch, { algorithm, token, jwks, secret }) {
    const key = secret === undefined ? createLocalJWKSet(jwks) : bytes(secret);
    const expected = {
      issuer: batch.issuer,
      audience: batch.audience,
      typ: batch.type,
      algorithms: [algorithm],
      requiredClaims: ["exp"],
    };
    return { claims: (await jwtVerify(token, key, expected)).payload };
  },
};

const nodeJsonwebtoken = {
  async sign(batch, request) {
    const header = { typ: batch.type, kid: request.key_id };
    const options = { algorithm: request.algorithm, header, noTimestamp: true };
    return { token: jsonwebtoken.sign(request.claims, privateKey(request), options) };
  },
  async verify(batch, { algorithm, token, jwks, secret }) {
    const { kid } = jsonwebtoken.decode(token, { complete: true }).header;
    const key =
      secret === undefined
        ? createPublicKey({ key: jwks.keys.find((jwk) => jwk.kid === kid), format: "jwk" })
        : createSecretKey(bytes(secret));
    const expected = { issuer: batch.issuer, audience: batch.audience, algorithms: [algorithm] };
    return { claims: jsonwebtoken.verify(token, key, expected) };
  },
};

const answer = async (batch, request) => {
  const library = request.library === "jsonwebtoken" ? nodeJsonwebtoken : jose;
  try {
    switch (request.do) {
      case "sign":
        return await library.sign(batch, request);
      case "verify":
        return await library.verify(batch, request);
      case "tutorial":
        return { token: jsonwebtoken.sign(request.claims, request.secret, { expiresIn: "30s" }) };
      default:
        throw new Error(`no such request: ${request.do}`);
    }
  } catch (error) {
    return { refused: `${error.name}: ${error.message}` };
  }
};

const batch = JSON.parse(readFileSync(0, "utf8"));
const answers = [];
for (const request of batch.requests) answers.push(await answer(batch, request));
process.stdout.write(JSON.stringify(answers));
