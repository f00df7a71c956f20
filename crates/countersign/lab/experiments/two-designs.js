// One theft, twice: on the left a design that keeps nothing, re-enacted; on the right the server of this page.
import { decode } from "../jose/jwt.js";
import { TutorialServer } from "./tutorial-server.js";

const USER = { id: 1, username: "john_doe" };

export const twoDesigns = {
  id: "two-designs",
  title: "The same theft in the tutorial's design",
  scene:
    "A well-known Express tutorial makes the refresh token a JWT too: signed with a secret, stored nowhere. The same theft, twice: once re-enacted in this page with real HS256 signatures, once at this server. (As it was published, the tutorial's refresh route failed on every call. The re-enactment does what it meant to do.)",
  question: "What do the two copied tokens get the thief?",
  choices: {
    one: "In the tutorial's design new tokens, also after the sign-out. Here nothing, and the theft comes to light.",
    untilOut: "In the tutorial's design new tokens until the owner signs out. Here nothing.",
    both: "New tokens in both.",
    neither: "Nothing in either.",
  },
  steps: [
    {
      title: "The owner signs in; a thief copies the refresh token",
      async run(run, facts) {
        facts.tutorial = new TutorialServer();
        facts.there = await facts.tutorial.getTokens(USER);
        reenacted(run, "owner", "POST /getTokens", true, "a refresh token for seven days; nothing is stored");
        facts.here = await run.open("owner", { side: "server" });
      },
    },
    {
      title: "The owner refreshes",
      async run(run, facts) {
        facts.ownerThere = await reenactRefresh(run, facts, "owner");
        facts.ownerHere = await run.refresh("owner", facts.here.refreshToken, { side: "server" });
      },
    },
    {
      title: "The grace passes; then the thief uses the copy",
      async run(run, facts) {
        await run.wait(run.afterGrace, "The thief waits until this server's grace is over");
        facts.thiefThere = await reenactRefresh(run, facts, "thief");
        facts.thiefHere = await run.refresh("thief", facts.here.refreshToken, { side: "server" });
      },
    },
    {
      title: "Does the owner notice?",
      async run(run, facts) {
        facts.noticedThere = !(await facts.tutorial.refreshToken(facts.ownerThere.refreshToken));
        reenacted(run, "owner", "POST /refreshToken", !facts.noticedThere, facts.noticedThere ? "refused" : "new tokens, as ever: nothing to notice");
        facts.noticedHere = !(await run.refresh("owner", facts.ownerHere.refreshToken, { side: "server" })).accepted;
      },
    },
    {
      title: "The owner signs out; the thief tries once more",
      async run(run, facts) {
        reenacted(run, "owner", "sign out", true, "the app forgets its tokens; the server has nothing to forget");
        await run.signOut("owner", facts.ownerHere.refreshToken, { side: "server" });
        facts.lateThere = await reenactRefresh(run, facts, "thief");
        facts.isLetInThere = facts.lateThere !== null && (await facts.tutorial.protectedRoute(facts.lateThere.accessToken));
        reenacted(run, "thief", "GET /protectedRoute", facts.isLetInThere, facts.isLetInThere ? "let in" : "refused");
        facts.lateHere = await run.refresh("thief", facts.here.refreshToken, { side: "server" });
      },
    },
  ],
  promised: () => "one",
  happened(facts) {
    const { thiefThere, thiefHere, noticedThere, noticedHere, isLetInThere, lateHere } = facts;
    if (thiefHere.accepted || lateHere.accepted) return thiefThere ? "both" : null;
    if (!thiefThere) return "neither";
    if (!isLetInThere) return "untilOut";
    return noticedHere && !noticedThere ? "one" : null;
  },
  explain: ({ lateThere }) => [
    `Re-enacted: whoever holds the copy is served until it expires, and each answer brings a new refresh token, now one until ${untilWhen(lateThere.refreshToken)}. Signing out changes nothing, because the server keeps nothing that it could change. The only way to stop the thief is a new secret, which signs everybody out.`,
    "At this server the same copy was refused, and the attempt ended the session for both. That takes one row for each session, which is the price of being able to take a token back.",
  ],
};

/** The copy and the owner's token are the same text; the re-enacted server keeps nothing that could tell them apart. */
async function reenactRefresh(run, { tutorial, there }, actor) {
  const answer = await tutorial.refreshToken(there.refreshToken);
  reenacted(run, actor, "POST /refreshToken", answer !== null, answer ? "new access and refresh token" : "refused");
  return answer;
}

function reenacted(run, actor, what, good, text) {
  run.show({ actor, what, good, text, side: "page" });
}

function untilWhen(token) {
  return new Date(decode(token).claims.exp * 1_000).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
}
