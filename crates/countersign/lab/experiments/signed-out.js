// Three APIs look at one access token in three ways, and notice in their own time that its owner has signed out.
import { announce, element } from "../dom.js";
import { decode } from "../jose/jwt.js";
import { Follower } from "./follower.js";
import { inWords } from "./run.js";
import { Verifier } from "./verifier.js";

const LOOK_AGAIN = 100;

export const signedOut = {
  id: "signed-out",
  title: "Signed out: when does each API notice?",
  scene:
    "You sign out. Your refresh token is worthless at once, but the access token is still good on paper until its time is up. Three APIs are shown that token again and again. One verifies it alone; one also follows the server's signed list of revocations; one asks the server each time.",
  question: "Who refuses it, and when?",
  choices: {
    together: "All three at once.",
    apart: "Two within a second or so; the one that verifies alone only when the token expires.",
    expiry: "All three only when the token expires.",
  },
  steps: [
    {
      title: "Sign in; two APIs fetch the keys, one begins to follow the list",
      async run(run, facts) {
        facts.owner = await run.open("owner");
        facts.alone = new Verifier(run);
        await facts.alone.fetchKeys();
        const verifier = new Verifier(run);
        await verifier.fetchKeys();
        facts.follower = new Follower(run, verifier);
        await facts.follower.ready;
        facts.following = verifier;
        run.show({ actor: "API", what: "GET /revocations/stream", good: true, text: "followed from here on" });
      },
    },
    {
      title: "Refresh, so that the access token is new; show it to all three; sign out",
      async run(run, facts) {
        const { accessToken, refreshToken } = await run.refresh("owner", facts.owner.refreshToken);
        facts.apis = apisOf(run, facts, accessToken);
        for (const api of facts.apis) {
          api.atFirst = await api.look();
          run.show({ actor: "API", what: api.name, good: api.atFirst, text: api.atFirst ? "accepts the token" : "refuses the token" });
        }
        await run.signOut("owner", refreshToken);
        facts.signedOutAt = performance.now();
        facts.expiresAfter = decode(accessToken).claims.exp * 1_000 - Date.now();
      },
    },
    {
      title: "Show the token to all three until each has refused it",
      async run(run, facts) {
        run.panel(element("ul", { class: "clocks" }, facts.apis.map(({ row }) => row)));
        await Promise.all(facts.apis.map((api) => watch(run, facts, api)));
      },
    },
  ],
  promised: () => "apart",
  happened({ apis, expiresAfter }) {
    const [alone, ...told] = apis;
    if (!apis.every(({ atFirst }) => atFirst)) return null;
    if (told.every((api) => api.after < 2_000)) return alone.after < Math.min(2_000, expiresAfter) ? "together" : "apart";
    return told.every((api) => api.after >= expiresAfter) ? "expiry" : null;
  },
  explain({ apis }) {
    const [alone, following, asking] = apis.map(({ after }) => inWords(after));
    return [
      `The API that asks the server noticed after ${asking}, the one that follows the list after ${following}, the one that verifies alone after ${alone}, when the token expired.`,
      "Asking each time is exact, and makes the server a part of every request. Following the list costs one open connection: only sessions that ended within one token's lifetime are on it, so it stays short, and the API still verifies by itself. Verifying alone is often enough, where a token lives for minutes.",
    ];
  },
};

function apisOf(run, { alone, following, follower }, token) {
  const apis = [
    ["verifies alone", "signature, issuer and time; asks nobody", async () => (await alone.accept(token)) !== null],
    ["follows the list", "the same, and the signed stream of revocations", async () => {
      const claims = await following.accept(token);
      return claims !== null && !follower.covers(claims);
    }],
    ["asks the server", "POST /oauth2/introspect, each time", () => run.isActive(token, { quiet: true })],
  ];
  return apis.map(([name, how, look]) => {
    const clock = element("output", { class: "clock", aria: { live: "off" }, text: "–" });
    const row = element("li", null, element("strong", { text: name }), element("span", { class: "muted", text: how }), clock);
    return { name, look, row, clock };
  });
}

/** Keeps after how many milliseconds an API refused for the first time. */
async function watch(run, { signedOutAt }, api) {
  while (await api.look()) {
    api.clock.textContent = `accepts it, ${inWords(performance.now() - signedOutAt)} after the sign-out`;
    await run.pause(LOOK_AGAIN);
  }
  api.after = performance.now() - signedOutAt;
  api.clock.textContent = `refused it after ${inWords(api.after)}`;
  api.row.dataset.refused = Math.round(api.after);
  announce(`The API that ${api.name} refused the token after ${inWords(api.after)}.`);
}
