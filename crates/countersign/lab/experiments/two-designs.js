// The same theft in two designs: a stateless one, simulated in the page, and the server of this page.
import { decode } from "../jose/jwt.js";
import { signWith } from "../jose/sign.js";

const HERE = { side: "server" };

export const twoDesigns = {
  scene: "In a well-known Express tutorial, the refresh token is a JWT too. It is signed with a secret and not stored. This experiment runs the same theft twice: in a simulation in this page, with real HS256 signatures, and on this server. The tutorial’s refresh route failed on every call as published; the simulation does what the route was meant to do.",
  question: "What does the thief get with the two copies?",
  choices: {
    one: "New tokens in the tutorial’s design, even after the sign-out. Nothing here, and the server detects the theft.",
    untilOut: "New tokens in the tutorial’s design until the owner signs out. Nothing here.",
    both: "New tokens in both.",
    neither: "Nothing in either.",
  },
  steps: [
    {
      title: "The owner signs in; a thief copies the refresh token",
      async run(run, facts) {
        facts.tutorial = new TutorialServer();
        facts.there = await facts.tutorial.getTokens({ id: 1, username: "john_doe" });
        simulated(run, "owner", "POST /getTokens", true, "a refresh token valid for seven days; nothing is stored");
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
      title: "After the grace period, the thief uses the copy",
      async run(run, facts) {
        await run.waitForGrace("Waiting for the end of this server’s grace period");
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
        simulated(run, "owner", "sign out", undefined, "the app deletes its tokens; the server has nothing to revoke");
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
    `In the simulation, the server accepts the copy until it expires. Each response contains a new refresh token, by now one valid until ${expiryOf(lateThere.refreshToken)}. The owner’s refreshes still work, so the theft stays undetected. Signing out changes nothing, because the server stores nothing. Only a new secret would help, and it would sign out every user.`,
    "This server rejected the copy and revoked the session. For that it stores one row for each session, which is the cost of being able to revoke a token.",
  ],
};

/** New tokens from the simulated server, or null. */
async function refreshThere(run, { tutorial }, actor, { refreshToken }) {
  const answer = await tutorial.refreshToken(refreshToken);
  simulated(run, actor, "POST /refreshToken", answer !== null, answer && "new access and refresh token");
  return answer;
}

function simulated(run, actor, what, good, text) {
  run.show({ actor, what, good, text, side: "page" });
}

function expiryOf(token) {
  return new Date(decode(token).claims.exp * 1_000).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
}

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

/** The tutorial's intended design: two JWTs, HS256 with two secrets, no storage. The signatures are real. */
class TutorialServer {
  #accessSecret = crypto.getRandomValues(new Uint8Array(32));
  #refreshSecret = crypto.getRandomValues(new Uint8Array(32));

  async getTokens(user) {
    return {
      accessToken: await sign(user, 15 * MINUTE, this.#accessSecret),
      refreshToken: await sign(user, 7 * DAY, this.#refreshSecret),
    };
  }

  /** New tokens if the refresh token was signed here and has not expired; otherwise null. */
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
