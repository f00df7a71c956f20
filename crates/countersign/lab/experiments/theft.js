// A refresh token that two parties hold: the server detects the theft, whether the thief or the owner uses it first.
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

/** The newest refresh token that the owner holds. */
const newestOf = ({ copied, owner, moved }) => [moved, owner, copied].find((answer) => answer?.accepted).refreshToken;

export const thiefSecond = {
  scene: "A thief has copied your refresh token, from a backup or a log. Before the thief uses it, your app refreshes, as it does every few minutes. Then the thief presents the copy.",
  question: "What happens?",
  choices: {
    in: "The thief gets new tokens.",
    refused: "The server rejects the thief’s token, and your session continues.",
    ended: "The server rejects the thief’s token, and revokes your session too.",
  },
  steps: [
    copyStep,
    {
      title: "The owner refreshes; the copied token is now spent",
      async run(run, facts) {
        facts.owner = await run.refresh("owner", facts.copied.refreshToken);
      },
    },
    {
      title: "After the grace period, the thief presents the copy",
      async run(run, facts) {
        await run.waitForGrace("Waiting for the end of the grace period");
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
    `The owner’s token was already of generation ${owner.generation}. A spent token after the grace period means that two parties hold tokens of this session. The server cannot tell which of them is the owner, so it revokes the session at once.`,
    "You sign in again. The thief does not have your password and cannot. Both parties get the same error response, because more detail would also help the thief.",
  ],
};

export const thiefFirst = {
  scene: "This time the thief refreshes first, with the copy. A moment later, within the grace period, your app presents the same token. To the server this looks like a second tab.",
  question: "Who keeps the session?",
  choices: {
    thief: "The thief: your app is locked out.",
    owner: "You: the thief’s new token stops working.",
    neither: "Neither, in the end.",
    both: "Both, without a time limit.",
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
      title: "After the grace period, the thief presents the token from their refresh",
      async run(run, facts) {
        await run.waitForGrace("The thief waits until the grace period is over");
        facts.thiefAgain = await run.present("thief", facts.thief.refreshToken);
      },
    },
    afterStep,
  ],
  promised: () => "neither",
  happened(facts) {
    const { thief, owner, moved, thiefAgain, after } = facts;
    const hasShared = owner.refreshToken === thief.refreshToken && moved.accepted;
    if (!hasShared && !isLate(facts)) return null;
    if (thiefAgain.accepted) return after.accepted ? "both" : "thief";
    return after.accepted ? "owner" : "neither";
  },
  explain(facts) {
    const { thief, moved, grace } = facts;
    if (isLate(facts)) return [`The owner refreshed more than ${grace} seconds, the grace period, after the thief, so the server revoked the session at once. Run all steps to see what happens within the grace period.`];
    return [
      `Within the grace period, a thief looks like a second tab, so both got the same refresh token, of generation ${thief.generation}. Then the owner moved on to generation ${moved.generation}, and the thief’s token was spent. When the thief presented it, the server revoked the session.`,
      "The server detects the theft as soon as both parties have used the shared token again. Until then, the thief can do everything that the session allows. A thief who does not use the token gains nothing.",
    ];
  },
};

const isLate = ({ owner, thief, grace }) => owner.at - thief.at > grace;
