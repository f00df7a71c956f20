// Well-formed, properly signed, and by somebody else.
import { generateKey, signWith } from "../jose/sign.js";
import { dreamOf, present, signInStep, verdict } from "./forging.js";

export const otherIssuer = {
  id: "other-issuer",
  title: "A token from another issuer",
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
