// The program ends and starts again over the same data. What was promised before must hold after.
import { inWords } from "./run.js";

export const restart = {
  scene: "An update, a crash, a power cut: the program ends, and what it had in memory is gone. It starts again over the same database. This really restarts the server of this page.",
  question: "What is left of a session?",
  choices: {
    all: "Everything: the session goes on, and the access token of before is still good.",
    session: "The session goes on, but access tokens are void: the keys are new.",
    nothing: "Nothing: everybody signs in again.",
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
      title: "Refresh; restart the server; show an API the access token of before",
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
      title: "Refresh with the token of before",
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
    `The server was back after ${took} and had forgotten nothing: generation ${before.generation} was exchanged for ${after.generation}, the keys are the same, and the access token of before was let in. An answer is sent only when what it says is on disk, so no crash takes it back.`,
    "The signing keys are in the database too, encrypted under a key that is kept apart from it.",
  ],
};

/** A stream that the server ends proves that the old process has stopped, and did not merely say that it would. */
async function restarted(run) {
  const stream = new EventSource("/revocations/stream");
  run.signal.addEventListener("abort", () => stream.close());
  await run.until(next(stream, "open"), "The server opened no stream, so this page could not see it stop. Run it again.");
  const stopped = next(stream, "error");
  await run.call("you", "POST", "/v1/lab/restart", {}, 202);
  await run.until(stopped, "The server did not stop. Look at its log.");
  stream.close();
  await run.until(ready(run), "The server did not come back. Look at its log, and start it again.");
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
