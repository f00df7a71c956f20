// A spent refresh token within the grace period: the server returns the same successor for each request.
const TABS = ["tab 1", "tab 2", "tab 3", "tab 4", "tab 5"];

export const twoTabs = {
  scene: "The browser restores five tabs. Each tab’s access token has expired, and the tabs share one refresh token. All five send it at the same moment.",
  question: "How does the server respond?",
  choices: {
    same: "All five get the same new refresh token.",
    first: "The first gets a new refresh token; the other four are rejected.",
    each: "Each gets a different refresh token.",
    ended: "Five uses of one token look like theft, so the session is revoked.",
  },
  steps: [
    {
      title: "Sign in, once for all tabs",
      async run(run, facts) {
        facts.shared = await run.open("tab 1");
      },
    },
    {
      title: "All tabs send that refresh token at the same time",
      async run(run, facts) {
        facts.answers = await Promise.all(TABS.map((tab) => run.present(tab, facts.shared.refreshToken)));
      },
    },
    {
      title: "One tab refreshes with the token that it received",
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
    `All ${answers.length} responses contain the same refresh token, of generation ${answers[0].generation}. The server computes it from the presented token, so each request with that token gets the same successor. The session moved on by one generation; the next refresh led to generation ${next.generation}.`,
    "So the tabs do not have to wait for each other. This works only for some seconds, the grace period. After it, the server treats a spent token as stolen.",
  ],
};

export const lostAnswer = {
  scene: "A phone refreshes in an elevator. The server moves the session to the next generation, but the connection breaks before the response arrives. The phone still has the old refresh token, which is now spent, and sends it again.",
  question: "What does the second request return?",
  choices: {
    same: "The same refresh token that was lost.",
    next: "Another new refresh token.",
    ended: "An error: a spent token means theft, so the session is revoked.",
  },
  steps: [
    {
      title: "Sign in",
      async run(run, facts) {
        facts.grace = run.setup.grace;
        facts.first = await run.open("phone");
      },
    },
    {
      title: "Refresh, and lose the response",
      async run(run, facts) {
        const note = "lost: only this page keeps it, for comparison";
        facts.lost = await run.refresh("phone", facts.first.refreshToken, { note });
      },
    },
    {
      title: "Send the same refresh token again",
      isTimed: true,
      async run(run, facts) {
        facts.again = await run.present("phone", facts.first.refreshToken);
      },
    },
    {
      title: "Refresh with the newest token",
      async run(run, facts) {
        const { refreshToken } = facts.again.accepted ? facts.again : facts.lost;
        facts.next = await run.present("phone", refreshToken);
      },
    },
  ],
  promised: (facts) => (isLate(facts) ? "ended" : "same"),
  happened({ lost, again, next }) {
    if (again.accepted !== next.accepted) return null;
    if (!again.accepted) return "ended";
    return again.refreshToken === lost.refreshToken ? "same" : "next";
  },
  explain(facts) {
    const { again, next, grace } = facts;
    if (isLate(facts)) return [`More than ${grace} seconds, the grace period, passed between the two requests. After the grace period, a spent token means that two parties hold it. Run all steps to see what happens within the grace period.`];
    return [
      `The second request returned the same refresh token, of generation ${again.generation}, and a new access token. The next refresh led to generation ${next.generation}, as if no response had been lost.`,
      `The server accepts a spent token like this for ${grace} seconds. It does not store the tokens that it sends: it computes the successor from the presented token.`,
    ];
  },
};

const isLate = ({ again, lost, grace }) => again.at - lost.at > grace;
