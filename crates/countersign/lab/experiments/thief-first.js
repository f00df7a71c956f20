// The copy is used before the owner's own token: for a while both hold the same thing.
export const thiefFirst = {
  id: "thief-first",
  title: "The thief comes first",
  scene:
    "This time the thief is quicker and refreshes with the copy. A moment later your app presents the same token, within the grace. To the server it looks like a second tab.",
  question: "Who keeps the session?",
  choices: {
    thief: "The thief: your app is locked out.",
    owner: "You: the thief's new token stops working.",
    nobody: "At first both, in the end neither.",
    both: "Both, side by side, for as long as they like.",
  },
  steps: [
    {
      title: "The owner signs in; a thief copies the refresh token",
      async run(run, facts) {
        facts.grace = run.setup.grace;
        facts.copied = await run.open("owner");
      },
    },
    {
      title: "The thief refreshes first",
      async run(run, facts) {
        facts.thief = await run.refresh("thief", facts.copied.refreshToken);
      },
    },
    {
      title: "The owner presents the same token, within the grace",
      async run(run, facts) {
        facts.owner = await run.refresh("owner", facts.copied.refreshToken);
      },
    },
    {
      title: "The owner refreshes again, and so moves on",
      async run(run, facts) {
        facts.moved = await run.refresh("owner", newestOf(facts).refreshToken);
      },
    },
    {
      title: "The grace passes; then the thief presents the token that both held",
      async run(run, facts) {
        await run.wait(run.afterGrace, "The thief's access token is still good; it refreshes when the grace is over");
        facts.thiefAgain = await run.refresh("thief", facts.thief.refreshToken);
      },
    },
    {
      title: "The owner presents the newest token",
      async run(run, facts) {
        facts.ownerAgain = await run.refresh("owner", newestOf(facts).refreshToken);
      },
    },
  ],
  promised: () => "nobody",
  happened({ thiefAgain, ownerAgain }) {
    if (thiefAgain.accepted) return ownerAgain.accepted ? "both" : "thief";
    return ownerAgain.accepted ? "owner" : "nobody";
  },
  explain(facts) {
    const { thief, owner, moved, grace } = facts;
    if (!owner.accepted) {
      return [
        `The owner came ${Math.round(owner.at - thief.at)} seconds after the thief, and the grace is ${grace}: by then the copied token was spent, so the session ended at once. Run all steps at once to see what happens within the grace.`,
      ];
    }
    return [
      `Within the grace the server could not tell a thief from a second tab, and gave both the same refresh token, of generation ${thief.generation}. But a shared token can be used up only once: when one of the two moved on to generation ${moved.generation}, the other was left with a spent token, and presenting that ended the session.`,
      "That is the point of rotation. A thief who stays away gains nothing; one who stays gives the theft away as soon as both have moved. Until then the thief has what the session may do, which is why access tokens live for minutes and not for days.",
    ];
  },
};

/** What the owner holds. */
const newestOf = ({ copied, owner, moved }) => [moved, owner, copied].find((answer) => answer?.accepted);
