// What a well-known Express tutorial meant to do with refresh tokens, re-enacted in the page: both tokens are JWTs, signed
// with HS256 and two secrets, and nothing is kept. The signatures are real; the server is this object.
import { decode } from "../jose/jwt.js";
import { signWith } from "../jose/sign.js";

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

export class TutorialServer {
  #accessSecret = crypto.getRandomValues(new Uint8Array(32));
  #refreshSecret = crypto.getRandomValues(new Uint8Array(32));

  async getTokens(user) {
    return {
      accessToken: await sign(user, 15 * MINUTE, this.#accessSecret),
      refreshToken: await sign(user, 7 * DAY, this.#refreshSecret),
    };
  }

  /** New tokens for whoever presents a refresh token that was signed here and has not expired; else null. */
  async refreshToken(refreshToken) {
    const claims = await verified(refreshToken, this.#refreshSecret);
    return claims && this.getTokens({ id: claims.id, username: claims.username });
  }
}

const now = () => Math.floor(Date.now() / 1_000);

function sign(user, lifetime, secret) {
  return signWith({ alg: "HS256", typ: "JWT" }, { ...user, iat: now(), exp: now() + lifetime }, { secret });
}

async function verified(token, secret) {
  const { signature, signed, claims } = decode(token);
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const isGenuine = await crypto.subtle.verify("HMAC", key, signature, new TextEncoder().encode(signed));
  return isGenuine && claims.exp > now() ? claims : null;
}
