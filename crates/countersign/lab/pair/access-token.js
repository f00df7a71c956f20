// The card of the access token: its three parts, each claim, the result of verifying its signature, and its lifetime.
import { claimSentence, headerSentence, valueText } from "../claims.js";
import { announce, copyButton, element } from "../dom.js";
import { decode } from "../jose/jwt.js";
import { verify } from "../jose/verify.js";
import { createRing } from "../ring.js";
import { createFacts, createFold } from "./facts.js";
import { whyOver } from "./outcome.js";
import { PublishedKeys } from "./published-keys.js";

const PARTS = ["header", "payload", "signature"];
const VERDICTS = { verified: ["good", "verified"], wrong: ["bad", "invalid"], unsigned: ["bad", "missing"] };
const UNKNOWN = "This claim is specific to this server; no standard defines it.";

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
        text: "The client sends it with every request. Each API verifies it locally, without a call to the server.",
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
        text: "Inspect it below",
        on: { click: () => inspect(lab.pair.accessToken) },
      }),
    ),
    signature.node,
    createFold("Header", "how to verify the token", header.node),
    createFold("Payload", "the claims; anyone can read them, because they are encoded, not encrypted", claims.node),
  );
  return {
    node,
    show({ accessToken }, how) {
      const token = decode(accessToken);
      text.replaceChildren(
        ...token.parts
          .flatMap((encoded, index) => [index > 0 ? "." : null, segment(PARTS[index], encoded)])
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

const segment = (name, text) => element("span", { class: `part part-${name}`, text });

const factsOf = (members, part, sentence) =>
  Object.entries(members ?? {}).map(([name, value]) => ({
    part,
    name,
    value: valueText(name, value),
    sentence: sentence(name, value) ?? UNKNOWN,
  }));

/** Passes the token to the inspector, which listens for this event. */
function inspect(token) {
  document.getElementById("inspector").dispatchEvent(new CustomEvent("inspect", { detail: token }));
}

function createSignature(published) {
  const node = element("p", { class: "signature" });
  let newest;
  return {
    node,
    /** Ignores the result for an older token. */
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
          text: "Your browser verified it with the key that the server publishes.",
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
      headline.textContent = left > 0 ? `Valid for ${Math.ceil(left)} s more` : `Expired ${Math.floor(-left)} s ago`;
      advice.textContent = left > 0 ? adviceWhileGood(lab.pair) : adviceAfterwards(lab.pair);
      if (wasGood && left <= 0) announce("The access token has expired.");
      wasGood = left > 0;
    },
  };
}

const adviceWhileGood = (pair) =>
  pair.ended
    ? `${whyOver(pair)}. Call the API to see whether it still accepts the token.`
    : "The lab uses a short lifetime so that you can see it expire; 15 minutes is usual.";

const adviceAfterwards = (pair) =>
  pair.ended
    ? `${whyOver(pair)}.`
    : "Call the API now to see it reject the token. Then refresh: the user does not have to sign in again.";
