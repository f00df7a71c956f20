// The card with a token's content. All of it is untrusted input: it is shown as text, with limits on its length.
import { claimSentence, headerSentence, MOMENTS } from "../claims.js";
import { element } from "../dom.js";
import { indent, membersOf } from "../jose/json.js";
import { dateOf, distanceOf, secondsOf } from "../jose/times.js";
import { visible } from "../jose/visible.js";
import { readRefreshToken } from "../refresh-token.js";

const PARTS = ["header", "payload", "signature"];
/** The maximum number of characters shown of one part, name, value and JSON text, and of members shown of an object. */
const MOST = { part: 1_000, name: 80, value: 1_000, json: 16_000, members: 60 };

export function createSaying() {
  const badge = element("span", { class: "badge warn" });
  const trust = element("p", null, badge, " ", element("span", { class: "muted" }));
  const body = element("div", { class: "stack" });
  const node = element(
    "div",
    { class: "card stack inspector-saying" },
    element("h3", { text: "What it says" }),
    element("p", { class: "muted", text: "Anyone can read this content, and anyone can write it." }),
    trust,
    body,
  );
  const judge = (tone, word, text) => {
    badge.className = `badge ${tone}`;
    badge.textContent = word;
    trust.lastChild.textContent = text;
  };
  return {
    node,
    summary: "",
    show({ kind, token }, decoded) {
      judge("warn", "only decoded", "The signature has not been verified yet.");
      trust.hidden = !decoded || decoded.parts.length === 0;
      this.summary = "";
      if (kind === "refresh-token") body.replaceChildren(...refreshToken(token, this));
      else body.replaceChildren(...(decoded ? jsonWebToken(decoded) : []));
      this.tick();
    },
    prove({ outcome }) {
      if (outcome === "verified") judge("good", "verified", "The holder of the key wrote exactly this.");
      else judge("warn", "only decoded", "The signature does not confirm any of this. Do not trust it.");
    },
    /** Updates the relative times, such as “in 12 s”. */
    tick() {
      for (const time of body.querySelectorAll("[data-seconds]")) {
        time.textContent = distanceOf(Number(time.dataset.seconds), Date.now() / 1_000);
      }
    },
  };
}

function jsonWebToken(decoded) {
  const { parts, problems } = decoded;
  const general = problems.filter(({ part }) => part === "form");
  if (parts.length === 0) return general.map(complaint);
  return [
    element("p", { class: "token inspector-text" }, parts.map((text, index) => [index > 0 ? "." : null, segment(PARTS[index], text)])),
    section("Header", "header", decoded.headerText, decoded.header, decoded, headerSentence),
    section("Claims", "claims", decoded.claimsText, decoded.claims, decoded, claimSentence),
  ];
}

const segment = (name, text) => element("span", { class: `part part-${name}`, text: visible(text, MOST.part) });

const complaint = ({ text }) => element("p", null, element("span", { class: "badge bad", text: "unreadable" }), ` ${text}`);

function section(title, part, text, object, { problems }, sentenceOf) {
  const wrong = problems.filter((problem) => problem.part === part);
  return element(
    "section",
    { class: "stack" },
    element("h4", null, segment(part === "claims" ? "payload" : part, title)),
    wrong.map(object ? remark : complaint),
    object ? members(text, sentenceOf) : null,
    text === null ? null : rawText(title, object ? indent(text) : text),
  );
}

const remark = ({ text }) => element("p", null, element("span", { class: "badge warn", text: "warning" }), ` ${text}`);

function members(text, sentenceOf) {
  const all = membersOf(text);
  const rest = all.length - MOST.members;
  return [
    element("dl", { class: "inspector-members" }, all.slice(0, MOST.members).map((member) => row(member, sentenceOf))),
    rest > 0 ? element("p", { class: "muted", text: `${rest.toLocaleString("en")} more are in the JSON below.` }) : null,
    all.length === 0 ? element("p", { class: "muted", text: "It has no members." }) : null,
  ];
}

function row([name, text], sentenceOf) {
  const value = JSON.parse(text);
  return fact(visible(name, MOST.name), [shown(value, text), moment(name, value)], sentenceOf(name, value));
}

/** Shows the JSON text of a value, because JavaScript would round a long number, and "1" must differ from 1. */
function shown(value, text) {
  const isNested = value !== null && typeof value === "object";
  if (isNested) return element("pre", { text: visible(indent(text), MOST.value, { lines: true }) });
  return element("bdi", { class: "token", text: visible(text, MOST.value) });
}

function moment(name, value) {
  const seconds = MOMENTS.has(name) ? secondsOf(value) : null;
  return seconds !== null && dateOf(seconds) ? [" · ", when(seconds)] : null;
}

function rawText(title, text) {
  return element(
    "details",
    null,
    element("summary", { text: `${title} as JSON` }),
    element("pre", { tabindex: "0", role: "group", aria: { label: title }, text: visible(text, MOST.json, { lines: true }) }),
  );
}

function refreshToken(text, saying) {
  const fields = readRefreshToken(text);
  if (!fields) {
    saying.summary = "This begins like a refresh token, but it is damaged.";
    return [element("p", { text: `${saying.summary} A refresh token has 92 characters: csr_ and 88 more.` })];
  }
  saying.summary = "This is a refresh token. It has no claims; only its server can use it.";
  const { sessionId, generation, issuedAt } = fields;
  return [
    element("p", { class: "token inspector-text", text }),
    element("p", { text: saying.summary }),
    element(
      "dl",
      { class: "inspector-members" },
      fact("session", element("span", { class: "token", text: sessionId }), "The ID of the session: sid in access tokens."),
      fact("generation", element("span", { class: "token", text: generation }), "How often the session had been refreshed when this token was issued."),
      fact("issued", when(issuedAt), "When the server issued the token."),
    ),
    element("p", { class: "muted", text: "The other fields are a version, a key ID, a hash, a secret and a MAC, which only the server can check." }),
  ];
}

/** A time in UTC, and its distance from now. */
const when = (seconds) =>
  element("span", { class: "inspector-moment" }, `${dateOf(seconds)}, `, element("strong", { data: { seconds } }));

const fact = (name, value, sentence) =>
  element(
    "div",
    null,
    element("dt", { class: "token" }, element("bdi", { text: name })),
    element("dd", null, value, sentence && element("p", { class: "muted", text: sentence })),
  );
