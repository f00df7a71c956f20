// Three APIs look at one access token in three ways, and notice in their own time that its owner has signed out.
import { announce, element } from "../dom.js";
import { decode } from "../jose/jwt.js";
import { Follower, Verifier } from "./api.js";
import { inWords } from "./run.js";

/** The list is said to reach everybody in about a second. */
const SOON = 2_000;

export const signedOut = {
  scene: "You sign out. Your refresh token is worthless at once, but your access token looks good until its time is up. Three APIs are shown it again and again. One verifies it alone; one also follows the server’s signed list of revocations; one asks the server each time.",
  question: "Who refuses it, and when?",
  choices: {
    together: "All three at once.",
    apart: "Two within a second or so; the one that verifies alone when the token expires.",
    expiry: "All three only when the token expires.",
  },
  steps: [
    {
      title: "Sign in; one API begins to follow the list of revocations",
      async run(run, facts) {
        facts.owner = await run.open("owner");
        facts.follower = new Follower(run);
        await run.until(facts.follower.ready, "The stream of revocations did not begin. Close other tabs of the lab, as a browser opens few connections to one server, and run it again.");
        run.show({ actor: "API", what: "GET /revocations/stream", text: "followed from here on" });
      },
    },
    {
      // One step: the token's time runs whether somebody reads or not.
      title: "Show a new token to all three, sign out, and go on until each has refused it",
      async run(run, facts) {
        // The password for asking is another one after each start of the server.
        await run.lab.server.connect();
        const { accessToken, refreshToken } = await run.refresh("owner", facts.owner.refreshToken);
        facts.apis = apisOf(run, facts.follower, accessToken);
        for (const api of facts.apis) {
          api.atFirst = await api.accepts();
          run.show({ actor: "API", what: api.name, good: api.atFirst });
        }
        await run.signOut("owner", refreshToken);
        const signedOutAt = performance.now();
        facts.expiresAfter = decode(accessToken).claims.exp * 1_000 - Date.now();
        await Promise.all(facts.apis.map((api) => watch(run, signedOutAt, api)));
      },
    },
  ],
  promised: () => "apart",
  happened({ apis, expiresAfter }) {
    const [alone, ...told] = apis;
    if (!apis.every(({ atFirst }) => atFirst)) return null;
    if (told.every(({ after }) => after < SOON)) return alone.after < SOON ? "together" : "apart";
    return told.every(({ after }) => after >= expiresAfter) ? "expiry" : null;
  },
  explain({ apis }) {
    const [alone, following, asking] = apis.map(({ after }) => inWords(after));
    return [
      `The API that asks the server noticed after ${asking}, the one that follows the list after ${following}, the one that verifies alone after ${alone}, when the token expired.`,
      "Asking makes the server a part of each request. Following takes one open connection; the list is short, because a session is on it for one token’s lifetime only. Verifying alone is often enough where a token lives for minutes.",
    ];
  },
};

function apisOf(run, follower, token) {
  const alone = new Verifier(run);
  return [
    { name: "verifies alone", accepts: async () => (await alone.accept(token)) !== null },
    { name: "follows the list", accepts: async () => (await follower.accept(token)) !== null },
    { name: "asks the server", accepts: () => isActive(run, token) },
  ];
}

/** RFC 7662: may ask whoever has a password for it. */
async function isActive(run, token) {
  const { client_id, client_secret } = run.setup.introspection;
  const headers = { Authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` };
  const call = await run.call("API", "POST", "/oauth2/introspect", { headers, form: { token }, quiet: true }, 200);
  return call.json.active;
}

/** Keeps after how many milliseconds an API refused for the first time. */
async function watch(run, since, api) {
  const clock = element("span", { class: "muted" });
  const row = element("li", null, element("strong", { text: "API" }), element("code", { text: api.name }), clock);
  run.add(row);
  while (await api.accepts()) {
    clock.textContent = `still accepts it, ${inWords(performance.now() - since)} after the sign-out`;
    await run.pause(100);
  }
  api.after = performance.now() - since;
  row.dataset.refusedAfter = Math.round(api.after);
  clock.className = "badge bad";
  clock.textContent = `refused it after ${inWords(api.after)}`;
  announce(`The API that ${api.name} refused the token after ${inWords(api.after)}.`);
}
