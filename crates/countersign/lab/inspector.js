// The inspector: takes any token apart, and keeps apart what it says and what its signature proves. What is pasted stays
// in this page: it is sent nowhere, kept nowhere, and gone after a reload.
import { announce, element } from "./dom.js";
import { createField } from "./inspector/field.js";
import { createProof } from "./inspector/proof.js";
import { createSaying } from "./inspector/saying.js";
import { createVerdict } from "./inspector/verdict.js";
import { decode } from "./jose/jwt.js";
import { recognise } from "./jose/recognise.js";

const TICK = 1_000;

export function mountInspector(section, lab) {
  const saying = createSaying();
  const verdict = createVerdict();
  const proof = createProof(lab, () => inspect());
  const field = createField(lab, () => inspect());
  const proven = element("div", { class: "inspector-proven" }, proof.node, verdict.node);
  const sides = element("div", { class: "inspector-sides", hidden: true }, saying.node, proven);
  section.append(element("p", { class: "intro", text: INTRODUCTION }), field.node, sides);

  let turn = 0;
  let said = "";
  const say = (text) => {
    if (text && text !== said) announce(text);
    said = text;
  };

  async function inspect() {
    turn += 1;
    const mine = turn;
    const found = recognise(field.text);
    field.show(found);
    const isToken = found.kind === "token";
    sides.hidden = !isToken && found.kind !== "refresh-token";
    const decoded = isToken ? decode(found.token) : null;
    saying.show(found, decoded);
    if (!isToken) {
      proof.showRefreshToken();
      verdict.hide();
      return say(found.note ?? saying.summary);
    }
    const answer = await proof.of(decoded);
    // Somebody has typed on while this was verified.
    if (mine !== turn) return undefined;
    saying.prove(answer.verification);
    verdict.show(decoded, answer);
    return say(verdict.summary);
  }

  setInterval(() => {
    saying.tick();
    if (verdict.tick()) say(verdict.summary);
  }, TICK);
  section.addEventListener("inspect", ({ detail }) => field.fill(detail));
}

const INTRODUCTION =
  "Paste a token, of this server or of any other. It is read in this page and sent nowhere, and a reload forgets it. " +
  "Reading a token and verifying it are two things: anybody can do the first, and it proves nothing.";
