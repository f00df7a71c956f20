// The card of the refresh token: its fields, and why the database does not contain the token.
import { timeOfDay } from "../claims.js";
import { copyButton, element } from "../dom.js";
import { cutRefreshToken, readRefreshToken } from "../refresh-token.js";
import { createFacts, createFold } from "./facts.js";

/** Field → the class of its colour, its display name, and a sentence about it. */
const FIELDS = {
  version: ["version", "version", "The version of the token’s format."],
  keyId: ["key", "key id", "Which of the server’s secret keys made the tag. Those keys never leave the server."],
  sessionId: [
    "session",
    "session",
    "The ID of the session: the same as sid in the access token, and as one row in the database.",
  ],
  generation: [
    "generation",
    "generation",
    "How often this session’s refresh token has been exchanged. Each refresh increases it by one.",
  ],
  issuedAt: ["time", "issued at", "When the token was issued, in seconds since 1970. The server uses it to tell whether a copy is presented too late."],
  bind: [
    "bind",
    "bind",
    "A hash of the session’s user, app and scope. If someone edits the row in the database, the hash no longer matches.",
  ],
  secret: [
    "secret",
    "secret",
    "Sixteen bytes that only the holder of the token has. The server computes the next secret from them, and stores neither.",
  ],
  tag: [
    "tag",
    "tag",
    "A MAC over all fields before it. The server rejects a forged token before it reads the database.",
  ],
};
const PREFIX = [
  "version",
  "prefix",
  "Marks the text as a refresh token, so that secret scanners find it in logs and repositories.",
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
        text: "Opaque to every party except this server, and valid for one exchange. The client sends it only to this server.",
      }),
    ),
    text,
    element("div", { class: "row" }, copy),
    createFold("Eight fields", "only the server uses them", facts.node),
    whyNotStored(),
  );
  return {
    node,
    show({ refreshToken }, how) {
      const fields = readRefreshToken(refreshToken);
      text.replaceChildren(...cutRefreshToken(refreshToken).map(segment));
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

const segment = ({ name, text }) =>
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
      text: "The session’s row contains its ID, the generation and two hashes: one of this secret and one of the next secret. A copy of the database contains nothing that an attacker could present as a token.",
    }),
  );
