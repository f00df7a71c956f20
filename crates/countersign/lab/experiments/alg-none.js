// RFC 7518 §3.6 has an algorithm that signs nothing, and many verifiers once believed a token that asked for it.
import { signWith } from "../jose/sign.js";
import { dreamOf, present, signInStep, verdict } from "./forging.js";

/** The last three once passed a filter for the exact word. */
const SPELLINGS = ["none", "None", "NONE", "nOnE"];

export const algNone = {
  id: "alg-none",
  title: "A token that says it needs no signature",
  scene:
    "The header of a token names the algorithm that signed it, and the standard knows one called “none”, for tokens without a signature. A forger writes any claims they like, names that algorithm and leaves the signature empty.",
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
        const { header, claims, parts } = facts.real;
        for (const alg of SPELLINGS) {
          const token = await signWith({ ...header, alg }, dreamOf(claims), { none: true });
          await present(run, facts, `alg: ${alg}`, token);
        }
        const unsigned = [parts[0], parts[1], ""].join(".");
        await present(run, facts, "the real token, its signature cut off", unsigned);
      },
    },
  ],
  ...verdict,
  explain: ({ real, tries }) => [
    `All ${tries.length} were refused. A verifier must never let the token choose how it is verified. Here the key decides: it was published for ${real.header.alg}, so nothing but an ${real.header.alg} signature counts, and the code has no branch for “none” that could be reached.`,
  ],
};
