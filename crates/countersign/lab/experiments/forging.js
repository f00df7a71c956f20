// Four experiments with forged or changed access tokens.
import { algorithm } from "../jose/algorithms.js";
import { encodeBase64url } from "../jose/base64url.js";
import { decode } from "../jose/jwt.js";
import { generateKey, signWith } from "../jose/sign.js";
import { Verifier } from "./api.js";

/** The claims that the forger wants: the username `admin`, and a lifetime that is one hour longer. */
const forgedClaims = (claims) => ({ ...claims, username: "admin", exp: claims.exp + 3_600 });

const signInStep = {
  title: "Sign in, and present the real access token for comparison",
  async run(run, facts) {
    const { accessToken } = await run.open("owner");
    facts.real = decode(accessToken);
    facts.isRealLetIn = await run.isLetIn("owner", accessToken);
    facts.tries = [];
  },
};

/** Presents a forged token, and records whether the API accepted it. */
async function present(run, { tries }, note, token) {
  tries.push(await run.isLetIn("forger", token, note));
}

/** One accepted forgery means "accepted". If the API rejected the real token too, the experiment has no result. */
const verdict = {
  promised: () => "refused",
  happened({ isRealLetIn, tries }) {
    if (tries.includes(true)) return "accepted";
    return isRealLetIn ? "refused" : null;
  },
};

export const editedToken = {
  scene: "An access token is not encrypted: its claims are plain JSON in base64url. You change the username to “admin”, extend the lifetime by an hour, and keep the signature.",
  question: "Will an API accept the edited token?",
  choices: {
    accepted: "Yes: it has the server’s signature.",
    refused: "No: the signature no longer matches.",
  },
  steps: [
    signInStep,
    {
      title: "Edit the token and present it",
      async run(run, facts) {
        const [header, claims, signature] = facts.real.parts;
        const later = { ...facts.real.claims, exp: facts.real.claims.exp + 1 };
        const other = (signature[0] === "A" ? "B" : "A") + signature.slice(1);
        facts.edited = [header, encode(forgedClaims(facts.real.claims)), signature].join(".");
        await present(run, facts, "claims edited", facts.edited);
        await present(run, facts, "one second added", [header, encode(later), signature].join("."));
        await present(run, facts, "one character of the signature changed", [header, claims, other].join("."));
      },
    },
    {
      title: "Verify the edited token in this page, as an API does",
      async run(run, facts) {
        const { outcome, why } = await new Verifier(run).verify(decode(facts.edited));
        const good = outcome === "verified";
        facts.tries.push(good);
        run.show({ actor: "this page", what: "verify", good, text: why });
      },
    },
  ],
  ...verdict,
  explain: ({ tries }) => [
    `All ${tries.length} attempts were rejected, even the smallest change. The signature covers every character of the header and the claims. Making a new signature takes the private key, which never leaves the server.`,
    "So an API can trust the claims without a call to the server. But anyone can read the claims, so do not put secrets into a token.",
  ],
};

const encode = (claims) => encodeBase64url(bytesOf(JSON.stringify(claims)));

/** RFC 7518 §3.6 defines this algorithm. Several JWT libraries used to accept tokens that named it. */
export const algNone = {
  scene: "A token’s header names the algorithm that signed it, and the standard defines one called “none”, for tokens without a signature. A forger names it, writes any claims and leaves the signature empty.",
  question: "Will an API accept it?",
  choices: {
    accepted: "Yes: “none” is in the standard.",
    refused: "No, in any spelling.",
  },
  steps: [
    signInStep,
    {
      title: "Present tokens without a signature",
      async run(run, facts) {
        const { header, claims, signed } = facts.real;
        for (const alg of ["none", "None", "NONE", "nOnE"]) {
          const token = await signWith({ ...header, alg }, forgedClaims(claims), { none: true });
          await present(run, facts, `alg: ${alg}`, token);
        }
        await present(run, facts, "the real token without its signature", `${signed}.`);
      },
    },
  ],
  ...verdict,
  explain: ({ real, tries }) => [
    `All ${tries.length} were rejected. The key determines the algorithm, not the token. This server’s key was published for ${real.header.alg}, so the API accepts only an ${real.header.alg} signature.`,
  ],
};

/** A verifier that uses the algorithm that the token names may use a public key as an HMAC secret (RFC 8725 §2.1). */
export const publicKeyAsSecret = {
  scene: "Everyone can fetch the server’s public key. HS256 is a symmetric algorithm: one secret both signs and verifies. A forger uses the text of the public key as that secret. This works against an API that verifies with “the key” without checking which algorithm the key is for.",
  question: "Will an API accept it?",
  choices: {
    accepted: "Yes: the key is the right one.",
    refused: "No: this key is for another algorithm.",
  },
  steps: [
    signInStep,
    {
      title: "Fetch the public key, and convert it to PEM",
      async run(run, facts) {
        const { json } = await run.call("forger", "GET", "/.well-known/jwks.json");
        facts.jwk = json.keys.find(({ kid }) => kid === facts.real.header.kid);
        facts.der = await derOf(facts.jwk);
        facts.pem = pemOf(facts.der);
        run.show({ actor: "forger", what: "PEM", text: facts.pem });
      },
    },
    {
      title: "Sign with the key in each form that a careless API may use",
      async run(run, facts) {
        const { header, claims } = facts.real;
        const secrets = {
          "the PEM text": bytesOf(facts.pem),
          "the PEM text, trimmed": bytesOf(facts.pem.trim()),
          "the bytes in the PEM": facts.der,
          "the JWK text": bytesOf(JSON.stringify(facts.jwk)),
        };
        for (const [note, secret] of Object.entries(secrets)) {
          await present(run, facts, note, await signWith({ ...header, alg: "HS256" }, forgedClaims(claims), { secret }));
        }
      },
    },
  ],
  ...verdict,
  explain: ({ real, tries }) => [
    `All ${tries.length} were rejected. Each published key is for one algorithm, here ${real.header.alg}. The API rejects a token that names another algorithm before it computes anything.`,
    "If you verify tokens yourself, tell your library which algorithms you expect. That one line prevents this attack.",
  ],
};

async function derOf({ alg, ...jwk }) {
  const key = await crypto.subtle.importKey("jwk", jwk, algorithm(alg).importAs, true, ["verify"]);
  return new Uint8Array(await crypto.subtle.exportKey("spki", key));
}

function pemOf(der) {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g);
  return ["-----BEGIN PUBLIC KEY-----", ...lines, "-----END PUBLIC KEY-----", ""].join("\n");
}

const bytesOf = (text) => new TextEncoder().encode(text);

export const otherIssuer = {
  scene: "A forger creates a key and signs tokens with it. The first token names another issuer. The other three name this server as issuer: one with the ID of this server’s key, one with the forger’s key in the header, and one without a key ID. Everything else in them is correct.",
  question: "Will an API accept one of them?",
  choices: {
    accepted: "Yes: the signature is valid.",
    refused: "No: the signature is valid, but from the wrong key.",
  },
  steps: [
    signInStep,
    {
      title: "Create a key in this page, sign with it, and present the tokens",
      async run(run, facts) {
        const { kid, typ } = facts.real.header;
        const { privateKey, publicJwk: jwk } = await generateKey();
        const header = { alg: "ES256", typ };
        const ours = forgedClaims(facts.real.claims);
        const forgeries = [
          ["another issuer, another key", { ...header, kid: "my-key" }, { ...ours, iss: "https://issuer.example" }],
          ["this server’s issuer and key ID", { ...header, kid }, ours],
          ["this server’s issuer, forger’s key in the header", { ...header, kid, jwk }, ours],
          ["this server’s issuer, no key ID", header, ours],
        ];
        for (const [note, named, claims] of forgeries) {
          await present(run, facts, note, await signWith(named, claims, { privateKey }));
        }
      },
    },
  ],
  ...verdict,
  explain: ({ tries }) => [
    `All ${tries.length} were rejected. A valid signature proves only that the holder of some private key signed. An API must not let the token choose that key: it is configured with its issuer, fetches the keys from there, and ignores a key inside a token.`,
  ],
};
