// The claims of an access token can be read and rewritten by anyone who holds it. The signature then no longer fits.
import { encodeBase64url } from "../jose/base64url.js";
import { decode } from "../jose/jwt.js";
import { dreamOf, present, signInStep, verdict } from "./forging.js";
import { Verifier } from "./verifier.js";

export const editedToken = {
  id: "edited-token",
  title: "The access token is edited",
  scene:
    "An access token is not encrypted: its claims are plain JSON in base64url. You decode yours, write “admin” where your name was, give it an hour more, encode it again and keep the signature.",
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
        facts.edited = [header, encode(dreamOf(facts.real.claims)), signature].join(".");
        await present(run, facts, "claims edited", facts.edited);
        const later = { ...facts.real.claims, exp: facts.real.claims.exp + 1 };
        await present(run, facts, "one second added", [header, encode(later), signature].join("."));
        const other = signature[0] === "A" ? "B" : "A";
        await present(run, facts, "one letter of the signature changed", [header, claims, other + signature.slice(1)].join("."));
      },
    },
    {
      title: "Verify the edited token in this page, as any API would",
      async run(run, facts) {
        const { outcome, why } = await new Verifier(run).verify(decode(facts.edited));
        facts.tries.push(outcome === "verified");
        run.show({ actor: "this page", what: "verify with the published key", good: outcome === "verified", text: why });
      },
    },
  ],
  ...verdict,
  explain: ({ tries }) => [
    `All ${tries.length} attempts were refused, whichever part was touched and however little. The signature covers the exact letters of header and claims; a new one takes the private key, which never leaves the server.`,
    "So an API needs to ask nobody: the published key tells it that each claim is as the server wrote it. Reading is another matter: never put a secret into a token.",
  ],
};

const encode = (claims) => encodeBase64url(new TextEncoder().encode(JSON.stringify(claims)));
