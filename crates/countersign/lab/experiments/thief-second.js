// The owner has moved on; then somebody presents the token of before.
export const thiefSecond = {
  id: "thief-second",
  title: "The thief comes second",
  scene: "Somebody has copied your refresh token, from a backup or a log. Before they use it, your app refreshes as it does every few minutes. Then the thief presents the copy.",
  question: "What happens?",
  choices: {
    in: "The thief gets new tokens.",
    refused: "The thief is refused, and you carry on.",
    ended: "The thief is refused, and your session ends too.",
  },
  steps: [
    {
      title: "The owner signs in; a thief copies the refresh token",
      async run(run, facts) {
        facts.copied = await run.open("owner");
      },
    },
    {
      title: "The owner refreshes, and the copied token is spent",
      async run(run, facts) {
        facts.owner = await run.refresh("owner", facts.copied.refreshToken);
      },
    },
    {
      title: "After the grace the thief presents the copy",
      async run(run, facts) {
        await run.waitForGrace("The grace passes");
        facts.thief = await run.present("thief", facts.copied.refreshToken);
      },
    },
    {
      title: "The owner presents the newest token",
      async run(run, facts) {
        facts.after = await run.present("owner", facts.owner.refreshToken);
      },
    },
  ],
  promised: () => "ended",
  happened({ thief, after }) {
    if (thief.accepted) return "in";
    return after.accepted ? "refused" : "ended";
  },
  explain: ({ owner }) => [
    `The owner had moved on to generation ${owner.generation}. A spent token after the grace means that two people hold tokens of this session. The server cannot tell who of them is the owner, so the session is over for both, at once.`,
    "You sign in again; the thief has no password, and is left with nothing. Both refusals look alike, because an answer that said more would say it to the thief.",
  ],
};
