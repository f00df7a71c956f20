// The program ends and starts again over the same data. What was promised before must hold after.
import { inWords } from "./run.js";

export const restart = {
  id: "restart",
  title: "The server restarts",
  scene:
    "An update, a crash, a power cut: the server's program ends, and all that it had in memory is gone. It starts again over the same database. This really restarts the server of this page.",
  question: "What is left of a session?",
  choices: {
    all: "Everything: the session goes on, and the access token of before is still good.",
    session: "The session goes on, but access tokens are void: the keys are new.",
    nothing: "Nothing: everybody signs in again.",
  },
  steps: [
    {
      title: "Sign in, refresh, and look at the published keys",
      async run(run, facts) {
        const opened = await run.open("owner");
        facts.before = await run.refresh("owner", opened.refreshToken);
        facts.keysBefore = await publishedKeys(run);
      },
    },
    {
      title: "Restart the server; when it is back, show an API the access token of before",
      async run(run, facts) {
        facts.before = await run.refresh("owner", facts.before.refreshToken, { note: "for an access token that is new" });
        const since = performance.now();
        await restarted(run);
        facts.took = inWords(performance.now() - since);
        run.show({ actor: "you", what: "GET /readyz", status: 200, text: `ready again, ${facts.took} after it was asked to restart` });
        facts.isLetIn = await run.isLetIn("owner", facts.before.accessToken);
      },
    },
    {
      title: "Refresh with the token of before",
      async run(run, facts) {
        facts.after = await run.refresh("owner", facts.before.refreshToken);
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
    `The server was back after ${took} and had forgotten nothing: generation ${before.generation} was exchanged for ${after.generation}, the published keys are the same, and the access token of before was let in. An answer is sent only when the step that it speaks of is on disk, so no crash takes back what a client was told.`,
    "The signing keys are in the database too, encrypted under a key that is kept apart from it. So the new process signs as the old one did.",
  ],
};

/** A stream that the server ends is the proof that the old process has stopped, and not merely said that it would. */
async function restarted(run) {
  const stream = new EventSource("/revocations/stream");
  run.signal.addEventListener("abort", () => stream.close());
  await run.until(next(stream, "open"), 10, "The server opened no stream by which this page could see it stop. Run the experiment again.");
  const stopped = next(stream, "error");
  await run.call("you", "POST", "/v1/lab/restart");
  await run.until(stopped, 15, "The server did not stop within 15 seconds. Look at its log.");
  stream.close();
  await run.until(ready(run), 15, "The server did not come back within 15 seconds. Look at its log, and start it again.");
}

const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

async function ready(run) {
  for (;;) {
    const status = await run.call("you", "GET", "/readyz", { quiet: true }).then((call) => call.status, () => 0);
    if (status === 200) return;
    await run.pause(100);
  }
}

async function publishedKeys(run) {
  const { json } = await run.call("you", "GET", "/.well-known/jwks.json");
  return json.keys.map(({ kid }) => kid).join(" ");
}
