// Three APIs verify one access token in three ways, and notice the sign-out of its owner at different times.
import { announce, element } from "../dom.js";
import { decode } from "../jose/jwt.js";
import { Follower, Verifier } from "./api.js";
import { inWords } from "./run.js";

/** Milliseconds. A revocation reaches each follower in about one second. */
const SOON = 2_000;

export const signedOut = {
  scene: "You sign out. Your refresh token is invalid at once, but your access token remains valid until it expires. You present it to three APIs again and again. One only verifies it locally. One also follows the server’s signed revocation list. One asks the server each time (introspection).",
  question: "Which API rejects it, and when?",
  choices: {
    together: "All three at once.",
    apart: "Two within about a second; the one that only verifies locally when the token expires.",
    expiry: "All three only when the token expires.",
  },
  steps: [
    {
      title: "Sign in; one API starts to follow the revocation list",
      async run(run, facts) {
        facts.owner = await run.open("owner");
        facts.follower = new Follower(run);
        await run.until(facts.follower.ready, "The revocation stream did not start. Browsers limit the number of connections to one server: close other tabs of the lab, and run the experiment again.");
        run.show({ actor: "API", what: "GET /revocations/stream", text: "following" });
      },
    },
    {
      // All of this is one step, because the token's lifetime runs while the user reads.
      title: "Present a new token to all three, sign out, and repeat until each has rejected it",
      async run(run, facts) {
        // The introspection password changes with each start of the server.
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
      `The API that asks the server noticed after ${asking}. The API that follows the list noticed after ${following}. The API that only verifies locally noticed after ${alone}, when the token expired.`,
      "Introspection adds a call to the server to each request. Following the list takes one open connection; the list is short, because it contains a session only for the lifetime of one access token. Local verification is often enough if tokens expire after minutes.",
    ];
  },
};

function apisOf(run, follower, token) {
  const alone = new Verifier(run);
  return [
    { name: "verifies locally", accepts: async () => (await alone.accept(token)) !== null },
    { name: "follows the list", accepts: async () => (await follower.accept(token)) !== null },
    { name: "asks the server", accepts: () => isActive(run, token) },
  ];
}

/** Token introspection (RFC 7662), with the password that the server generated for the lab. */
async function isActive(run, token) {
  const { client_id, client_secret } = run.setup.introspection;
  const headers = { Authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` };
  const call = await run.call("API", "POST", "/oauth2/introspect", { headers, form: { token }, quiet: true }, 200);
  return call.json.active;
}

/** Calls an API until it rejects the token, and records in `api.after` how many milliseconds that took. */
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
  clock.textContent = `rejected it after ${inWords(api.after)}`;
  announce(`The API that ${api.name} rejected the token after ${inWords(api.after)}.`);
}
