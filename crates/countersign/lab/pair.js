// The token pair: opens the page's session, shows both tokens, and uses them as an app does.
import { announce, element } from "./dom.js";
import { outcomes } from "./pair/outcome.js";
import { createWhyTwo } from "./pair/why-two.js";
import { ServerUnreachable } from "./server.js";

const TICK = 250;

export function mountPair(section, lab) {
  const outcome = createOutcome();
  const actions = createActions(lab, outcome);
  const cards = element("div", { class: "pair-cards" }, createWhyTwo());
  section.append(actions.node, outcome.node, cards);

  let loading = null;
  let shown = null;
  const show = async () => {
    section.dataset.state = !lab.pair ? "none" : lab.pair.ended ? "over" : "live";
    actions.update();
    if (!lab.pair) return;
    const tokens = await (loading ??= loadTokens(lab, cards));
    const { pair } = lab;
    if (shown?.accessToken === pair.accessToken) return;
    const how = { isSuccessor: shown?.sessionId === pair.sessionId };
    for (const token of tokens) token.show(pair, how);
    shown = pair;
  };
  lab.addEventListener("change", show);
  show();
}

/** The modules that show tokens load with the first token. */
async function loadTokens(lab, cards) {
  const [{ createAccessToken }, { createRefreshToken }] = await Promise.all([
    import("./pair/access-token.js"),
    import("./pair/refresh-token.js"),
  ]);
  const access = createAccessToken(lab);
  const refresh = createRefreshToken(lab);
  cards.prepend(access.node, refresh.node);
  setInterval(access.tick, TICK);
  return [access, refresh];
}

function createActions(lab, outcome) {
  const api = () => lab.server.callWithToken("GET", "/protectedRoute", lab.pair.accessToken);
  const act = (name, perform) => async () => {
    const before = lab.pair;
    try {
      outcome.show(await perform(), (call) => outcomes[name](call, before, lab.pair));
    } catch (error) {
      if (!(error instanceof ServerUnreachable)) throw error;
      outcome.fail(error);
    }
  };
  const button = (text, name, perform) =>
    element("button", { type: "button", class: "button", text, on: { click: act(name, perform) } });
  const open = button("Open a session", "open", () => lab.open());
  const others = [
    button("Refresh", "refresh", () => refresh(lab)),
    button("Call the API", "call", api),
    button("Sign out", "signOut", () => lab.signOut()),
  ];
  return {
    node: element("div", { class: "row actions" }, open, others),
    update() {
      const { pair } = lab;
      open.textContent = pair ? "Open another session" : "Open a session";
      open.classList.toggle("primary", !pair || pair.ended !== null);
      others[0].classList.toggle("primary", pair !== null && pair.ended === null);
      for (const other of others) other.hidden = !pair;
    },
  };
}

async function refresh(lab) {
  const call = await lab.refresh();
  if (call.status === 401) await lab.toldOfEnd();
  return call;
}

function createOutcome() {
  const node = element("div", { class: "outcome", hidden: true });
  const say = (tone, word, request, text) => {
    node.hidden = false;
    node.replaceChildren(
      element(
        "p",
        null,
        element("span", { class: `badge ${tone}`, text: word }),
        " ",
        element("code", { text: request }),
      ),
      element("p", { text }),
    );
    announce(text);
  };
  return {
    node,
    show(call, explain) {
      const { tone, text } = explain(call);
      say(tone, String(call.status), `${call.method} ${call.path}`, text);
    },
    fail: ({ message }) => say("bad", "no response", "", message),
  };
}
