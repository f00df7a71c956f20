// The access token's side of the pair: its three parts, each claim, whether its signature holds, and its time.
import { claimSentence, headerSentence, valueText } from "../claims.js";
import { announce, copyButton, element } from "../dom.js";
import { decode } from "../jose/jwt.js";
import { verify } from "../jose/verify.js";
import { createRing } from "../ring.js";
import { createFacts, createFold } from "./facts.js";
import { whyOver } from "./outcome.js";
import { PublishedKeys } from "./published-keys.js";

const PARTS = ["header", "payload", "signature"];
const VERDICTS = { verified: ["good", "verified"], wrong: ["bad", "does not fit"], unsigned: ["bad", "missing"] };
const UNKNOWN = "A claim of this server’s own; the standards do not name it.";

export function createAccessToken(lab) {
  const text = element("p", { class: "token-text token" });
  const header = createFacts();
  const claims = createFacts();
  const signature = createSignature(new PublishedKeys(lab.server));
  const time = createTime(lab);
  const node = element(
    "article",
    { class: "card pair-card", aria: { labelledby: "access-title" } },
    element(
      "header",
      null,
      element("h3", { id: "access-title", text: "Access token" }),
      element("p", {
        class: "muted",
        text: "Goes along with every request. Each API reads and checks it by itself, without asking anyone.",
      }),
    ),
    time.node,
    text,
    element(
      "div",
      { class: "row" },
      copyButton(() => lab.pair.accessToken, { what: "the access token" }),
      element("button", {
        type: "button",
        class: "button quiet",
        text: "Take it apart below",
        on: { click: () => inspect(lab.pair.accessToken) },
      }),
    ),
    signature.node,
    createFold("Header", "how to check it", header.node),
    createFold("Payload", "what it says, for everyone to read: it is encoded, not encrypted", claims.node),
  );
  return {
    node,
    show({ accessToken }, how) {
      const token = decode(accessToken);
      text.replaceChildren(
        ...token.parts
          .flatMap((encoded, index) => [index > 0 ? "." : null, piece(PARTS[index], encoded)])
          .filter(Boolean),
      );
      header.show(factsOf(token.header, "header", headerSentence), how);
      claims.show(factsOf(token.claims, "payload", claimSentence), how);
      time.update();
      signature.check(token);
    },
    tick: time.update,
  };
}

const piece = (name, text) => element("span", { class: `part part-${name}`, text });

const factsOf = (members, part, sentence) =>
  Object.entries(members ?? {}).map(([name, value]) => ({
    part,
    name,
    value: valueText(name, value),
    sentence: sentence(name, value) ?? UNKNOWN,
  }));

/** Hands the token to the inspector, which listens for this. */
function inspect(token) {
  document.getElementById("inspector").dispatchEvent(new CustomEvent("inspect", { detail: token }));
}

function createSignature(published) {
  const node = element("p", { class: "signature" });
  let newest;
  return {
    node,
    /** Answers of an older token come too late. */
    async check(token) {
      newest = token;
      const { outcome, why } = await published.with(token.header?.kid).then((keys) => verify(token, keys));
      if (newest !== token) return;
      const [tone, word] = VERDICTS[outcome] ?? ["warn", "not checked"];
      node.replaceChildren(
        element("span", { class: `badge ${tone}`, text: `signature ${word}` }),
        ` ${why} `,
        element("span", {
          class: "muted",
          text: "Your browser has checked it, with the key that the server publishes.",
        }),
      );
    },
  };
}

function createTime(lab) {
  const ring = createRing();
  const headline = element("strong", { role: "timer" });
  const advice = element("span", { class: "muted" });
  const node = element("div", { class: "time" }, ring.node, element("p", null, headline, advice));
  let wasGood = false;
  return {
    node,
    update() {
      const { issuedAt, expiresIn } = lab.pair;
      const left = expiresIn - (Date.now() - issuedAt) / 1_000;
      ring.update(left, expiresIn);
      headline.textContent = left > 0 ? `Good for ${Math.ceil(left)} s more` : `Expired ${Math.floor(-left)} s ago`;
      advice.textContent = left > 0 ? adviceWhileGood(lab.pair) : adviceAfterwards(lab.pair);
      if (wasGood && left <= 0) announce("The access token has expired.");
      wasGood = left > 0;
    },
  };
}

const adviceWhileGood = (pair) =>
  pair.ended
    ? `${whyOver(pair)}. Call the API, and see who still accepts it.`
    : "So short here that you can watch it; fifteen minutes are usual.";

const adviceAfterwards = (pair) =>
  pair.ended
    ? `${whyOver(pair)}.`
    : "Call the API with it now, and see it refused. Then refresh: nobody has to sign in again.";
