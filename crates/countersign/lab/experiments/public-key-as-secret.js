// HS256 has one key for signing and verifying. A verifier that takes whatever algorithm the token names can be made to
// use a public key as that secret (RFC 8725 §2.1).
import { algorithm } from "../jose/algorithms.js";
import { signWith } from "../jose/sign.js";
import { dreamOf, present, signInStep, verdict } from "./forging.js";

export const publicKeyAsSecret = {
  id: "public-key-as-secret",
  title: "HS256, signed with the public key",
  scene:
    "The server's public key is published for everyone. HS256, another algorithm, signs and verifies with one shared secret. A forger signs with HS256 and takes the text of the public key as the secret, hoping that the API verifies with “the key” and does not look at the kind.",
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
        run.show({ actor: "forger", what: "PEM of the key", good: true, text: facts.pem });
      },
    },
    {
      title: "Sign with it, in every form that a careless verifier may have",
      async run(run, facts) {
        const { header, claims } = facts.real;
        const secrets = [
          ["the PEM text as secret", bytesOf(facts.pem)],
          ["… without the last line break", bytesOf(facts.pem.trimEnd())],
          ["the bytes in the PEM", facts.der],
          ["the JWK text", bytesOf(JSON.stringify(facts.jwk))],
        ];
        for (const [note, secret] of secrets) {
          await present(run, facts, note, await signWith({ ...header, alg: "HS256" }, dreamOf(claims), { secret }));
        }
      },
    },
  ],
  ...verdict,
  explain: ({ real, tries }) => [
    `All ${tries.length} were refused. Each published key is bound to one algorithm, here ${real.header.alg}, and a token that names another is refused before any signature is computed.`,
    "Where you verify tokens yourself, give your library the list of algorithms that you expect. That one line is the whole defence.",
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
