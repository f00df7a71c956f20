// The server begins to sign with another key. Nothing that was signed before becomes worthless, and nobody is told.
import { decode } from "../jose/jwt.js";
import { shortened } from "./run.js";
import { Verifier } from "./verifier.js";

export const keyRotation = {
  id: "key-rotation",
  title: "The signing key rotates",
  scene:
    "From time to time the server signs with a new key, by itself or because you told it to. Somewhere an API runs that fetched the published keys earlier and keeps them.",
  question: "What becomes of tokens and APIs?",
  choices: {
    smooth: "Old and new tokens are accepted; the API fetches the keys again only when it meets one that it does not know.",
    void: "Tokens signed with the old key are refused from now on.",
    blind: "The API refuses new tokens until it is restarted.",
  },
  steps: [
    {
      title: "Sign in; an API fetches the keys and verifies the token",
      async run(run, facts) {
        facts.verifier = new Verifier(run);
        facts.owner = await run.open("owner");
        facts.before = await look(run, facts, facts.owner.accessToken);
      },
    },
    {
      title: "Rotate the key; the API verifies a new token, and the one of before",
      async run(run, facts) {
        const old = await renew(run, facts);
        await rotate(run);
        const owner = await renew(run, facts);
        facts.next = await look(run, facts, owner);
        facts.old = await look(run, facts, old);
      },
    },
    {
      title: "Rotate once more: this key was not yet published when the API fetched",
      async run(run, facts) {
        await rotate(run);
        facts.unknown = await look(run, facts, await renew(run, facts));
        facts.known = await look(run, facts, await renew(run, facts));
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
    if (![next, unknown, known].every(({ accepted }) => accepted)) return "blind";
    return unknown.fetches <= 2 && known.fetches === unknown.fetches && published.includes(unknown.kid) ? "smooth" : null;
  },
  explain: ({ before, next, unknown, known }) => [
    `The key ${shortened(next.kid)} was published before it signed, so an API that had fetched the keys earlier knew it already: after ${next.fetches === 1 ? "one fetch" : `${next.fetches} fetches`} it accepted the new token and the old one. The key ${shortened(unknown.kid)} came too soon for that. The API met a name that it did not know, fetched once more, and was up to date; ${known.fetches} fetches in all.`,
    `The old key ${shortened(before.kid)} stays published until the last token that it signed has expired. So keys can rotate on any day, without a notice and without a restart.`,
  ],
};

async function rotate(run) {
  const call = await run.call("you", "POST", "/v1/lab/keys/rotate");
  return call.json?.kid;
}

/** A new access token of the same session. */
async function renew(run, facts) {
  facts.owner = await run.refresh("owner", facts.owner.refreshToken);
  return facts.owner.accessToken;
}

/** What the API makes of a token, and how often it has fetched keys by then. */
async function look(run, { verifier }, token) {
  const { kid } = decode(token).header;
  const accepted = (await verifier.accept(token)) !== null;
  run.show({ actor: "API", what: `verifies a token of key ${shortened(kid)}`, good: accepted, text: accepted ? "accepts it" : "refuses it" });
  return { kid, accepted, fetches: verifier.fetches };
}
