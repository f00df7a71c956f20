// A refresh token that two people hold: whoever comes second, both are found out.
const copyStep = {
  title: "The owner signs in; a thief copies the refresh token",
  async run(run, facts) {
    facts.grace = run.setup.grace;
    facts.copied = await run.open("owner");
  },
};

const afterStep = {
  title: "The owner presents the newest token",
  async run(run, facts) {
    facts.after = await run.present("owner", newestOf(facts));
  },
};

/** What the owner holds. */
const newestOf = ({ copied, owner, moved }) => [moved, owner, copied].find((answer) => answer?.accepted).refreshToken;

export const thiefSecond = {
  scene: "Somebody has copied your refresh token, from a backup or a log. Before they use it, your app refreshes as it does every few minutes. Then the thief presents the copy.",
  question: "What happens?",
  choices: {
    in: "The thief gets new tokens.",
    refused: "The thief is refused, and you carry on.",
    ended: "The thief is refused, and your session ends too.",
  },
  steps: [
    copyStep,
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
    afterStep,
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

export const thiefFirst = {
  scene: "This time the thief is quicker and refreshes with the copy. A moment later, within the grace, your app presents the same token. To the server it looks like a second tab.",
  question: "Who keeps the session?",
  choices: {
    thief: "The thief: your app is locked out.",
    owner: "You: the thief’s new token stops working.",
    nobody: "Neither, in the end.",
    both: "Both, side by side, for as long as they like.",
  },
  steps: [
    copyStep,
    {
      title: "The thief refreshes first",
      async run(run, facts) {
        facts.thief = await run.refresh("thief", facts.copied.refreshToken);
      },
    },
    {
      title: "The owner presents the same token",
      isTimed: true,
      async run(run, facts) {
        facts.owner = await run.present("owner", facts.copied.refreshToken);
      },
    },
    {
      title: "The owner refreshes again",
      async run(run, facts) {
        facts.moved = await run.present("owner", newestOf(facts));
      },
    },
    {
      title: "After the grace the thief presents the token from their refresh",
      async run(run, facts) {
        await run.waitForGrace("The thief does without a refresh for a while");
        facts.thiefAgain = await run.present("thief", facts.thief.refreshToken);
      },
    },
    afterStep,
  ],
  promised: () => "nobody",
  happened(facts) {
    const { thief, owner, moved, thiefAgain, after } = facts;
    const hasShared = owner.refreshToken === thief.refreshToken && moved.accepted;
    if (!hasShared && !isLate(facts)) return null;
    if (thiefAgain.accepted) return after.accepted ? "both" : "thief";
    return after.accepted ? "owner" : "nobody";
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
