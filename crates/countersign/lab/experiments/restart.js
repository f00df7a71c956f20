// The server process stops and starts again with the same database. Sessions, tokens and keys must remain valid.
import { inWords } from "./run.js";

export const restart = {
  scene: "An update, a crash, a power cut: the server process ends and loses its memory. Then it starts again with the same database. This experiment restarts the server that serves this page.",
  question: "What remains of a session?",
  choices: {
    all: "Everything: the session continues, and earlier access tokens are still valid.",
    session: "The session continues, but access tokens become invalid: the keys are new.",
    nothing: "Nothing: every user must sign in again.",
  },
  steps: [
    {
      title: "Sign in, and look at the published keys",
      async run(run, facts) {
        facts.opened = await run.open("owner");
        facts.keysBefore = await publishedKeys(run);
      },
    },
    {
      title: "Refresh; restart the server; present the earlier access token to an API",
      async run(run, facts) {
        facts.before = await run.refresh("owner", facts.opened.refreshToken);
        const since = performance.now();
        await restarted(run);
        facts.took = inWords(performance.now() - since);
        run.show({ actor: "you", what: "GET /readyz", status: 200, good: true, text: `ready again after ${facts.took}` });
        facts.isLetIn = await run.isLetIn("owner", facts.before.accessToken);
      },
    },
    {
      title: "Refresh with the earlier refresh token",
      async run(run, facts) {
        facts.after = await run.present("owner", facts.before.refreshToken);
        facts.keysAfter = await publishedKeys(run);
      },
    },
  ],
  promised: () => "all",
  happened({ before, isLetIn, after, keysBefore, keysAfter }) {
    if (!after.accepted) return "nothing";
    if (!isLetIn) return "session";
    return after.generation === before.generation + 1 && keysBefore === keysAfter ? "all" : null;
  },
  explain: ({ after, before, took }) => [
    `The server was ready again after ${took} and had lost nothing. It exchanged generation ${before.generation} for ${after.generation}, its keys are the same, and an API accepted the earlier access token. The server writes a change to disk before it responds, so a crash does not lose the change.`,
    "The signing keys are in the database too, encrypted with a key that is stored elsewhere.",
  ],
};

/** Opens a stream first. The end of that stream proves that the old process has stopped; the 202 response does not. */
async function restarted(run) {
  const stream = new EventSource("/revocations/stream");
  run.signal.addEventListener("abort", () => stream.close());
  await run.until(next(stream, "open"), "The server did not open a stream, so this page could not detect that it stopped. Run the experiment again.");
  const stopped = next(stream, "error");
  await run.call("you", "POST", "/v1/lab/restart", {}, 202);
  await run.until(stopped, "The server did not stop. Check its log.");
  stream.close();
  await run.until(ready(run), "The server did not start again. Check its log, and start it.");
}

const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

async function ready(run) {
  for (;;) {
    const call = await run.call("you", "GET", "/readyz", { quiet: true }).catch(() => null);
    if (call?.status === 200) return;
    await run.pause(100);
  }
}

async function publishedKeys(run) {
  const { json } = await run.call("you", "GET", "/.well-known/jwks.json");
  return json.keys.map(({ kid }) => kid).join(" ");
}
