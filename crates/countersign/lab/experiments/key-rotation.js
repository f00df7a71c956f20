// The server starts to sign with another key. Earlier tokens remain valid, and APIs need no notice.
import { decode } from "../jose/jwt.js";
import { Verifier } from "./api.js";
import { shortened } from "./run.js";

export const keyRotation = {
  scene: "From time to time the server starts to sign with a new key. An API fetched the published keys earlier and caches them.",
  question: "What happens to tokens and APIs?",
  choices: {
    smooth: "Old and new tokens are accepted; the API fetches the keys again when a token names an unknown key.",
    void: "Tokens signed with the old key are rejected from now on.",
    blind: "The API rejects new tokens until it is restarted.",
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
      title: "Rotate the key; the API verifies a new token and an earlier one",
      async run(run, facts) {
        const { accessToken } = await renew(run, facts);
        await rotate(run);
        await renew(run, facts);
        facts.next = await look(run, facts);
        facts.old = await look(run, facts, accessToken);
      },
    },
    {
      title: "Rotate again: the next key was published after the API fetched the keys",
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
    `Key ${shortened(next.kid)} was published before the server signed with it, so the API already had it. Key ${shortened(unknown.kid)} was published after the API’s first fetch, so a token named a key that the API did not know. The API fetched the keys again, ${known.fetches} times in total.`,
    `The old key ${shortened(before.kid)} stays published until the last token that it signed has expired. So you can rotate keys at any time, without notice and without a restart.`,
  ],
};

const rotate = (run) => run.call("you", "POST", "/v1/lab/keys/rotate", {}, 200);

async function renew(run, facts) {
  facts.owner = await run.refresh("owner", facts.owner.refreshToken);
  return facts.owner;
}

/** Whether the API accepts a token, and how often it has fetched the keys so far. */
async function look(run, { verifier, owner }, token = owner.accessToken) {
  const { kid } = decode(token).header;
  const accepted = (await verifier.accept(token)) !== null;
  run.show({ actor: "API", what: "verify", good: accepted, text: `a token signed with key ${shortened(kid)}` });
  return { kid, accepted, fetches: verifier.fetches };
}
