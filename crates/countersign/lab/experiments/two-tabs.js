// Several tabs hold one refresh token, and all find at the same moment that it is time to use it.
const TABS = ["tab 1", "tab 2", "tab 3", "tab 4", "tab 5"];

export const twoTabs = {
  id: "two-tabs",
  title: "Two tabs refresh at once, or five",
  scene: "The browser brings five tabs back. Each finds that its access token has expired, and all send the one refresh token that they share, at the same moment.",
  question: "What will the server answer?",
  choices: {
    same: "All five get the same new refresh token.",
    first: "The first gets a new token; the other four are refused.",
    each: "Each gets a refresh token of its own.",
    ended: "Five uses of one token look like theft: the session ends.",
  },
  steps: [
    {
      title: "Sign in, once for all tabs",
      async run(run, facts) {
        facts.shared = await run.open("tab 1");
      },
    },
    {
      title: "All tabs send that refresh token at once",
      async run(run, facts) {
        facts.answers = await Promise.all(TABS.map((tab) => run.present(tab, facts.shared.refreshToken)));
      },
    },
    {
      title: "One tab carries on with what it was given",
      async run(run, facts) {
        const { refreshToken } = facts.answers.find(({ accepted }) => accepted) ?? facts.shared;
        facts.next = await run.present("tab 4", refreshToken);
      },
    },
  ],
  promised: () => "same",
  happened({ answers, next }) {
    if (!next.accepted) return "ended";
    const accepted = answers.filter((answer) => answer.accepted);
    if (accepted.length === 1) return "first";
    if (accepted.length < TABS.length) return null;
    return new Set(accepted.map(({ refreshToken }) => refreshToken)).size === 1 ? "same" : "each";
  },
  explain: ({ answers, next }) => [
    `All ${answers.length} answers hold one refresh token, of generation ${answers[0].generation}. The server computes it from the token that was presented, so the same question has the same answer however often it is asked. The session moved on once; the next refresh made it generation ${next.generation}.`,
    "So no tab waits for another. This holds for some seconds, the grace: a spent token that comes later is another matter.",
  ],
};
