// HS256 has one key for signing and verifying. A verifier that takes whatever algorithm the token names can be made to
// take a public key for that secret (RFC 8725 §2.1).
import { algorithm } from "../jose/algorithms.js";
import { signWith } from "../jose/sign.js";
import { dreamOf, present, signInStep, verdict } from "./forging.js";

export const publicKeyAsSecret = {
  id: "public-key-as-secret",
  title: "HS256, signed with the public key",
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
