// Well-formed, properly signed, and by somebody else.
import { generateKey, signWith } from "../jose/sign.js";
import { dreamOf, present, signInStep, verdict } from "./forging.js";

export const otherIssuer = {
  id: "other-issuer",
  title: "A token from another issuer",
  scene:
    "A forger makes a key pair and signs tokens that are right in every detail: algorithm, type, claims, time. Only the key is not the server's. First the token names an issuer of its own; then it claims to be from this server, under the name of this server's key; at last it brings its own key along.",
  question: "Will an API accept one of them?",
  choices: {
    accepted: "Yes: the signature is valid.",
    refused: "No: it is a valid signature of the wrong key.",
  },
  steps: [
    signInStep,
    {
      title: "Make a key pair in this page",
      async run(run, facts) {
        facts.forger = await generateKey();
        run.show({ actor: "forger", what: "new ES256 key", good: true, text: `x: ${facts.forger.publicJwk.x}` });
      },
    },
    {
      title: "Sign with it and present the tokens",
      async run(run, facts) {
        const { header, claims } = facts.real;
        const { privateKey, publicJwk } = facts.forger;
        const es256 = { ...header, alg: "ES256" };
        const dream = dreamOf(claims);
        const forgeries = [
          ["an issuer and a key of its own", { ...es256, kid: "my-key" }, { ...dream, iss: "https://issuer.example" }],
          ["our issuer, our key's name", es256, dream],
          ["our issuer, its own key in the header", { ...es256, jwk: publicJwk }, dream],
          ["our issuer, no key named", { alg: "ES256", typ: header.typ }, dream],
        ];
        for (const [note, forged, lies] of forgeries) {
          await present(run, facts, note, await signWith(forged, lies, { privateKey }));
        }
      },
    },
  ],
  ...verdict,
  explain: ({ tries }) => [
    `All ${tries.length} were refused. A valid signature proves only that the holder of some private key signed. Whose key counts is never the token's choice: the verifier knows its issuer beforehand, fetches the keys from there, and ignores any key that comes inside a token.`,
  ],
};
