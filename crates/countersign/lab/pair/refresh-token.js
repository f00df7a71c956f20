// The refresh token's side of the pair: its fields, and why the database holds none of them.
import { timeOfDay } from "../claims.js";
import { copyButton, element } from "../dom.js";
import { cutRefreshToken, readRefreshToken } from "../refresh-token.js";
import { createFacts, createFold } from "./facts.js";

/** Field → the class of its colour, its name for people, and a sentence. */
const FIELDS = {
  version: ["version", "version", "The format of what follows."],
  keyId: ["key", "key id", "Which of the server’s own keys has made the tag. Those keys never leave the server."],
  sessionId: [
    "session",
    "session",
    "Which session it continues: the same id as sid in the access token, and one row in the database.",
  ],
  generation: [
    "generation",
    "generation",
    "How often this session’s token has been exchanged. A refresh moves it up by one.",
  ],
  issuedAt: ["time", "issued at", "The second in which it was made, so that a late copy is known as late."],
  bind: [
    "bind",
    "bind",
    "A fingerprint of whose it is and for what: user, app, scope. If the row in the database is edited, it no longer fits.",
  ],
  secret: [
    "secret",
    "secret",
    "Sixteen bytes that only its holder has. The server works out the next ones from these, and forgets both.",
  ],
  tag: [
    "tag",
    "tag",
    "The server’s seal on everything before it. A forgery is refused before the database is even asked.",
  ],
};
const PREFIX = [
  "version",
  "prefix",
  "Says what it is, so that a scanner recognises it in a log or a repository where it should not be.",
];

export function createRefreshToken(lab) {
  const text = element("p", { class: "token-text token" });
  const facts = createFacts();
  const copy = copyButton(() => lab.pair.refreshToken, { what: "the refresh token" });
  const node = element(
    "article",
    { class: "card pair-card", aria: { labelledby: "refresh-title" } },
    element(
      "header",
      null,
      element("h3", { id: "refresh-title", text: "Refresh token" }),
      element("p", {
        class: "muted",
        text: "Opaque to everyone but this server, and good for one exchange. It goes nowhere else.",
      }),
    ),
    text,
    element("div", { class: "row" }, copy),
    createFold("Eight parts", "nobody but the server needs them", facts.node),
    whyNotStored(),
  );
  return {
    node,
    show({ refreshToken }, how) {
      const fields = readRefreshToken(refreshToken);
      text.replaceChildren(...cutRefreshToken(refreshToken).map(piece));
      facts.show(
        Object.entries(FIELDS).map(([name, [part, label, sentence]]) => ({
          part,
          name: label,
          value: show(name, fields[name]),
          sentence,
        })),
        how,
      );
    },
  };
}

const piece = ({ name, text }) =>
  element("span", {
    class: `part part-${(FIELDS[name] ?? PREFIX)[0]}`,
    data: { part: (FIELDS[name] ?? PREFIX)[0] },
    text,
  });

const show = (name, value) => (name === "issuedAt" ? `${value} · ${timeOfDay(value * 1_000)}` : String(value));

const whyNotStored = () =>
  element(
    "aside",
    { class: "note" },
    element("h4", { text: "The token is not stored" }),
    element("p", {
      text: "The session’s row keeps its id, the generation and two hashes: of this secret, and of the one that comes next. Whoever copies the database finds nothing in it that could be presented here.",
    }),
  );
