// One theft, twice: at a design that keeps nothing, re-enacted in the page, and at the server of this page.
import { decode } from "../jose/jwt.js";
import { signWith } from "../jose/sign.js";

const HERE = { side: "server" };

export const twoDesigns = {
  scene: "A well-known Express tutorial makes the refresh token a JWT too, signed with a secret and stored nowhere. Here is one theft twice: re-enacted in this page with real HS256 signatures, and at this server. As published, the tutorial’s refresh route failed on every call; the re-enactment does what it meant to do.",
  question: "What do the two copies get the thief?",
  choices: {
    one: "In the tutorial’s design new tokens, even after the sign-out. Here nothing, and the theft comes to light.",
    untilOut: "In the tutorial’s design new tokens until the owner signs out. Here nothing.",
    both: "New tokens in both.",
    neither: "Nothing in either.",
  },
  steps: [
    {
      title: "The owner signs in; a thief copies the refresh token",
      async run(run, facts) {
        facts.tutorial = new TutorialServer();
        facts.there = await facts.tutorial.getTokens({ id: 1, username: "john_doe" });
        reenacted(run, "owner", "POST /getTokens", true, "a refresh token for seven days; nothing is stored");
        facts.here = await run.open("owner", HERE);
      },
    },
    {
      title: "The owner refreshes",
      async run(run, facts) {
        facts.ownerThere = await refreshThere(run, facts, "owner", facts.there);
        facts.ownerHere = await run.refresh("owner", facts.here.refreshToken, HERE);
      },
    },
    {
      title: "After the grace the thief uses the copy",
      async run(run, facts) {
        await run.waitForGrace("This server’s grace passes");
        facts.thiefThere = await refreshThere(run, facts, "thief", facts.there);
        facts.thiefHere = await run.present("thief", facts.here.refreshToken, HERE);
      },
    },
    {
      title: "The owner refreshes again, with the newest token",
      async run(run, facts) {
        facts.ownerThereAgain = await refreshThere(run, facts, "owner", facts.ownerThere);
        facts.ownerHereAgain = await run.present("owner", facts.ownerHere.refreshToken, HERE);
      },
    },
    {
      title: "The owner signs out; the thief tries once more",
      async run(run, facts) {
        reenacted(run, "owner", "sign out", undefined, "the app forgets its tokens; the server has nothing to forget");
        await run.signOut("owner", facts.ownerHere.refreshToken, HERE);
        facts.lateThere = await refreshThere(run, facts, "thief", facts.there);
        facts.lateHere = await run.present("thief", facts.here.refreshToken, HERE);
      },
    },
  ],
  promised: () => "one",
  happened({ thiefThere, thiefHere, ownerThereAgain, ownerHereAgain, lateThere, lateHere }) {
    if (thiefHere.accepted || lateHere.accepted) return thiefThere ? "both" : null;
    if (!thiefThere) return "neither";
    if (!lateThere) return "untilOut";
    return ownerThereAgain && !ownerHereAgain.accepted ? "one" : null;
  },
  explain: ({ lateThere }) => [
    `In the re-enactment the copy is served until it expires, and each answer brings a new one, by now until ${expiryOf(lateThere.refreshToken)}. The owner’s own refresh goes on as ever, so nobody notices. Signing out changes nothing, because the server keeps nothing; only a new secret would help, and sign everybody out.`,
    "Here the copy was refused, and the attempt ended the session for both. That takes one row for each session: the price of being able to take a token back.",
  ],
};

/** New tokens of the re-enacted server, or null. */
async function refreshThere(run, { tutorial }, actor, { refreshToken }) {
  const answer = await tutorial.refreshToken(refreshToken);
  reenacted(run, actor, "POST /refreshToken", answer !== null, answer && "new access and refresh token");
  return answer;
}

function reenacted(run, actor, what, good, text) {
  run.show({ actor, what, good, text, side: "page" });
}

function expiryOf(token) {
  return new Date(decode(token).claims.exp * 1_000).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
}

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

/** What the tutorial meant to do: two JWTs, HS256 with two secrets, nothing kept. The signatures are real. */
class TutorialServer {
  #accessSecret = crypto.getRandomValues(new Uint8Array(32));
  #refreshSecret = crypto.getRandomValues(new Uint8Array(32));

  async getTokens(user) {
    return {
      accessToken: await sign(user, 15 * MINUTE, this.#accessSecret),
      refreshToken: await sign(user, 7 * DAY, this.#refreshSecret),
    };
  }

  /** New tokens for whoever presents a refresh token that was signed here and has not expired; else null. */
  async refreshToken(refreshToken) {
    const claims = await verified(refreshToken, this.#refreshSecret);
    return claims && this.getTokens({ id: claims.id, username: claims.username });
  }
}

const now = () => Math.floor(Date.now() / 1_000);

function sign(user, lifetime, secret) {
  return signWith({ alg: "HS256", typ: "JWT" }, { ...user, iat: now(), exp: now() + lifetime }, { secret });
}

async function verified(token, secret) {
  const { signature, signed, claims } = decode(token);
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const isGenuine = await crypto.subtle.verify("HMAC", key, signature, new TextEncoder().encode(signed));
  return isGenuine && claims.exp > now() ? claims : null;
}
