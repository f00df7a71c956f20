// A spent refresh token within the grace: the same answer again, however often and by whomever it is asked for.
const TABS = ["tab 1", "tab 2", "tab 3", "tab 4", "tab 5"];

export const twoTabs = {
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

export const lostAnswer = {
  scene: "A phone refreshes in a lift. The server moves the session on, but the connection breaks before its answer arrives. The phone still has the old refresh token, which is spent by now, and sends it again.",
  question: "What does the second try get?",
  choices: {
    same: "The very refresh token that was lost.",
    next: "Another new refresh token.",
    ended: "A refusal: a spent token means theft, so the session ends.",
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
      title: "Refresh, and lose the answer",
      async run(run, facts) {
        const note = "lost: only this page keeps it, to compare";
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
      title: "Carry on with the newest token",
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
    if (isLate(facts)) return [`Between the two tries more than ${grace} seconds passed, which is the grace. After it, a spent token means that two people hold it. Run all steps to see what happens in time.`];
    return [
      `The second try was given the same refresh token, of generation ${again.generation}, and a fresh access token. The next refresh led to generation ${next.generation}, as if no answer had been lost.`,
      `A spent token is answered like this for ${grace} seconds. The server keeps no copy of what it sent: the successor follows from the token itself.`,
    ];
  },
};

const isLate = ({ again, lost, grace }) => again.at - lost.at > grace;
