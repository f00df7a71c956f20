// Access tokens that somebody else made, or changed, in four ways.
import { algorithm } from "../jose/algorithms.js";
import { encodeBase64url } from "../jose/base64url.js";
import { decode } from "../jose/jwt.js";
import { generateKey, signWith } from "../jose/sign.js";
import { Verifier } from "./api.js";

/** What a forger would like to be true: a better name, and an hour more. */
const dreamOf = (claims) => ({ ...claims, username: "admin", exp: claims.exp + 3_600 });

const signInStep = {
  title: "Sign in, and present the real access token, to compare",
  async run(run, facts) {
    const { accessToken } = await run.open("owner");
    facts.real = decode(accessToken);
    facts.isRealLetIn = await run.isLetIn("owner", accessToken);
    facts.tries = [];
  },
};

/** Presents a forged token, and keeps whether it was let in. */
async function present(run, { tries }, note, token) {
  tries.push(await run.isLetIn("forger", token, note));
}

/** One success is one too many. Refusals say little when the real token is refused too. */
const verdict = {
  promised: () => "refused",
  happened({ isRealLetIn, tries }) {
    if (tries.includes(true)) return "accepted";
    return isRealLetIn ? "refused" : null;
  },
};

export const editedToken = {
  scene: "An access token is not encrypted: its claims are plain JSON in base64url. You write “admin” where your name was, give it an hour more, and keep the signature.",
  question: "Will an API accept the edited token?",
  choices: {
    accepted: "Yes: it has a signature of the server.",
    refused: "No: the signature does not fit any more.",
  },
  steps: [
    signInStep,
    {
      title: "Edit the token and present it",
      async run(run, facts) {
        const [header, claims, signature] = facts.real.parts;
        const later = { ...facts.real.claims, exp: facts.real.claims.exp + 1 };
        const other = (signature[0] === "A" ? "B" : "A") + signature.slice(1);
        facts.edited = [header, encode(dreamOf(facts.real.claims)), signature].join(".");
        await present(run, facts, "claims edited", facts.edited);
        await present(run, facts, "one second added", [header, encode(later), signature].join("."));
        await present(run, facts, "one letter of the signature changed", [header, claims, other].join("."));
      },
    },
    {
      title: "Verify the edited token in this page, as any API can",
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
    `All ${tries.length} attempts were refused, however little was changed. The signature covers the exact letters of header and claims, and a new one takes the private key, which never leaves the server.`,
    "So an API needs to ask nobody whether the claims are true. Anybody can read them, though: a token is no place for secrets.",
  ],
};

const encode = (claims) => encodeBase64url(bytesOf(JSON.stringify(claims)));

/** RFC 7518 §3.6 has this algorithm, and many a verifier once believed a token that asked for it. */
export const algNone = {
  scene: "A token’s header names the algorithm that signed it, and the standard has one called “none”, for tokens without a signature. A forger names it, writes any claims they like and leaves the signature empty.",
  question: "Will an API accept it?",
  choices: {
    accepted: "Yes: “none” is in the standard.",
    refused: "No, however it is spelt.",
  },
  steps: [
    signInStep,
    {
      title: "Present tokens without a signature",
      async run(run, facts) {
        const { header, claims, signed } = facts.real;
        for (const alg of ["none", "None", "NONE", "nOnE"]) {
          const token = await signWith({ ...header, alg }, dreamOf(claims), { none: true });
          await present(run, facts, `alg: ${alg}`, token);
        }
        await present(run, facts, "the real one, signature cut off", `${signed}.`);
      },
    },
  ],
  ...verdict,
  explain: ({ real, tries }) => [
    `All ${tries.length} were refused. A token must not choose how it is verified: the key decides. This server’s key was published for ${real.header.alg}, so only an ${real.header.alg} signature counts.`,
  ],
};

/** A verifier that takes whatever algorithm the token names can be made to take one kind of key for another (RFC 8725 §2.1). */
export const publicKeyAsSecret = {
  scene: "The server’s public key is there for everyone. HS256 is another kind of algorithm: one secret both signs and verifies. A forger takes the text of the public key for that secret, and hopes for an API that verifies with “the key” and does not ask which kind it is.",
  question: "Will an API accept it?",
  choices: {
    accepted: "Yes: the key is the right one.",
    refused: "No: this key is for another algorithm.",
  },
  steps: [
    signInStep,
    {
      title: "Fetch the public key, and write it as a PEM file",
      async run(run, facts) {
        const { json } = await run.call("forger", "GET", "/.well-known/jwks.json");
        facts.jwk = json.keys.find(({ kid }) => kid === facts.real.header.kid);
        facts.der = await derOf(facts.jwk);
        facts.pem = pemOf(facts.der);
        run.show({ actor: "forger", what: "PEM", text: facts.pem });
      },
    },
    {
      title: "Sign with it, in each form that a careless API may have",
      async run(run, facts) {
        const { header, claims } = facts.real;
        const secrets = {
          "the PEM text": bytesOf(facts.pem),
          "the PEM text, trimmed": bytesOf(facts.pem.trim()),
          "the bytes in the PEM": facts.der,
          "the JWK text": bytesOf(JSON.stringify(facts.jwk)),
        };
        for (const [note, secret] of Object.entries(secrets)) {
          await present(run, facts, note, await signWith({ ...header, alg: "HS256" }, dreamOf(claims), { secret }));
        }
      },
    },
  ],
  ...verdict,
  explain: ({ real, tries }) => [
    `All ${tries.length} were refused. Each published key is for one algorithm, here ${real.header.alg}; a token that names another is refused before anything is computed.`,
    "If you verify tokens yourself, tell your library which algorithms you expect. That one line is the whole defence.",
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
  scene: "A forger makes a key and signs tokens that are right in every detail, but the key is not the server’s. The first names another issuer; the others claim to be from this server: under the name of its key, with the forger’s key inside, without any key’s name.",
  question: "Will an API accept one of them?",
  choices: {
    accepted: "Yes: the signature is valid.",
    refused: "No: it is a valid signature of the wrong key.",
  },
  steps: [
    signInStep,
    {
      title: "Make a key in this page, sign with it, and present the tokens",
      async run(run, facts) {
        const { kid, typ } = facts.real.header;
        const { privateKey, publicJwk: jwk } = await generateKey();
        const header = { alg: "ES256", typ };
        const ours = dreamOf(facts.real.claims);
        const forgeries = [
          ["issuer and key of its own", { ...header, kid: "my-key" }, { ...ours, iss: "https://issuer.example" }],
          ["our issuer, our key’s name", { ...header, kid }, ours],
          ["our issuer, its key in the header", { ...header, kid, jwk }, ours],
          ["our issuer, no key named", header, ours],
        ];
        for (const [note, named, claims] of forgeries) {
          await present(run, facts, note, await signWith(named, claims, { privateKey }));
        }
      },
    },
  ],
  ...verdict,
  explain: ({ tries }) => [
    `All ${tries.length} were refused. A valid signature proves only that the holder of some private key signed. Whose key counts is never the token’s choice: an API knows its issuer beforehand, fetches the keys there, and ignores a key that comes inside a token.`,
  ],
};
