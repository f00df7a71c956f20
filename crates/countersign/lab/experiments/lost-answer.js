// An answer that never arrives: the server has moved on, and the app still holds the token of before.
export const lostAnswer = {
  id: "lost-answer",
  title: "The answer is lost",
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
      title: "Send the same refresh token again, within the grace",
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
