// Whoever holds an access token can read its claims and rewrite them. The signature then no longer fits.
import { encodeBase64url } from "../jose/base64url.js";
import { decode } from "../jose/jwt.js";
import { Verifier } from "./api.js";
import { dreamOf, present, signInStep, verdict } from "./forging.js";

export const editedToken = {
  id: "edited-token",
  title: "The access token is edited",
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

const encode = (claims) => encodeBase64url(new TextEncoder().encode(JSON.stringify(claims)));
