// RFC 7518 §3.6 has an algorithm that signs nothing, and many verifiers once believed a token that asked for it.
import { signWith } from "../jose/sign.js";
import { dreamOf, present, signInStep, verdict } from "./forging.js";

/** Some verifiers refused only the first. */
const SPELLINGS = ["none", "None", "NONE", "nOnE"];

export const algNone = {
  id: "alg-none",
  title: "A token that says it needs no signature",
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
        for (const alg of SPELLINGS) {
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
