// The server begins to sign with another key. What was signed before stays good, and nobody has to be told.
import { decode } from "../jose/jwt.js";
import { Verifier } from "./api.js";
import { shortened } from "./run.js";

export const keyRotation = {
  scene: "From time to time the server signs with a new key. Somewhere an API runs that fetched the published keys earlier, and keeps them.",
  question: "What becomes of tokens and APIs?",
  choices: {
    smooth: "Old and new tokens are good; the API fetches the keys again when it meets one that it does not know.",
    void: "Tokens signed with the old key are refused from now on.",
    blind: "The API refuses new tokens until it is restarted.",
  },
  steps: [
    {
      title: "Sign in; an API fetches the keys and verifies the token",
      async run(run, facts) {
        facts.verifier = new Verifier(run);
        facts.owner = await run.open("owner");
        facts.before = await look(run, facts);
      },
    },
    {
      title: "Rotate the key; the API verifies a new token, and one of before",
      async run(run, facts) {
        const { accessToken } = await renew(run, facts);
        await rotate(run);
        await renew(run, facts);
        facts.next = await look(run, facts);
        facts.old = await look(run, facts, accessToken);
      },
    },
    {
      title: "Rotate again: this key was not yet published when the API fetched",
      async run(run, facts) {
        await rotate(run);
        await renew(run, facts);
        facts.unknown = await look(run, facts);
        facts.known = await look(run, facts);
      },
    },
    {
      title: "Look at the published keys",
      async run(run, facts) {
        const { json } = await run.call("you", "GET", "/.well-known/jwks.json");
        facts.published = json.keys.map(({ kid }) => kid);
      },
    },
  ],
  promised: () => "smooth",
  happened({ before, next, old, unknown, known, published }) {
    if (!before.accepted || before.kid === next.kid || next.kid === unknown.kid) return null;
    if (!old.accepted || !published.includes(before.kid)) return "void";
    if (!next.accepted || !unknown.accepted) return "blind";
    return known.accepted && known.fetches === 2 && published.includes(unknown.kid) ? "smooth" : null;
  },
  explain: ({ before, next, unknown, known }) => [
    `Key ${shortened(next.kid)} was published before it signed, so the API knew it already. Key ${shortened(unknown.kid)} came too soon for that: the API met a name that it did not know, fetched once more, and was up to date. It fetched ${known.fetches} times in all.`,
    `The old key ${shortened(before.kid)} stays published until the last token that it signed has expired. So keys rotate on any day, without notice and without a restart.`,
  ],
};

const rotate = (run) => run.call("you", "POST", "/v1/lab/keys/rotate", {}, 200);

async function renew(run, facts) {
  facts.owner = await run.refresh("owner", facts.owner.refreshToken);
  return facts.owner;
}

/** What the API makes of a token, and how often it has fetched keys by then. */
async function look(run, { verifier, owner }, token = owner.accessToken) {
  const { kid } = decode(token).header;
  const accepted = (await verifier.accept(token)) !== null;
  run.show({ actor: "API", what: "verify", good: accepted, text: `a token signed with key ${shortened(kid)}` });
  return { kid, accepted, fetches: verifier.fetches };
}
