// The copy is used before the owner's own token: for a while both hold the same thing.
export const thiefFirst = {
  id: "thief-first",
  title: "The thief comes first",
  scene: "This time the thief is quicker and refreshes with the copy. A moment later, within the grace, your app presents the same token. To the server it looks like a second tab.",
  question: "Who keeps the session?",
  choices: {
    thief: "The thief: your app is locked out.",
    owner: "You: the thief’s new token stops working.",
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
        facts.owner = await run.present("owner", facts.copied.refreshToken);
      },
    },
    {
      title: "The owner refreshes again, and so moves on",
      async run(run, facts) {
        facts.moved = await run.present("owner", newestOf(facts));
      },
    },
    {
      title: "After the grace the thief presents the token that both held",
      async run(run, facts) {
        await run.waitForGrace("The thief does without a refresh for a while");
        facts.thiefAgain = await run.present("thief", facts.thief.refreshToken);
      },
    },
    {
      title: "The owner presents the newest token",
      async run(run, facts) {
        facts.ownerAgain = await run.present("owner", newestOf(facts));
      },
    },
  ],
  promised: () => "nobody",
  happened(facts) {
    const { thief, owner, moved, thiefAgain, ownerAgain } = facts;
    const hasShared = owner.refreshToken === thief.refreshToken && moved.accepted;
    if (!hasShared && !isLate(facts)) return null;
    if (thiefAgain.accepted) return ownerAgain.accepted ? "both" : "thief";
    return ownerAgain.accepted ? "owner" : "nobody";
  },
  explain(facts) {
    const { thief, moved, grace } = facts;
    if (isLate(facts)) return [`The owner came more than ${grace} seconds after the thief, which is the grace, so the session ended at once. Run all steps to see what happens within the grace.`];
    return [
      `Within the grace a thief looks like a second tab, so both got the same refresh token, of generation ${thief.generation}. But it can be used up only once: when one of them moved on to generation ${moved.generation}, the other was left with a spent token, and presenting that ended the session.`,
      "A thief who stays away gains nothing; one who stays is found out as soon as both have moved. Until then the thief may do what the session may.",
    ];
  },
};

const isLate = ({ owner, thief, grace }) => owner.at - thief.at > grace;

/** What the owner holds. */
const newestOf = ({ copied, owner, moved }) => [moved, owner, copied].find((answer) => answer?.accepted).refreshToken;
