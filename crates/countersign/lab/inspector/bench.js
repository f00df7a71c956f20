// The inspector's main part: an input field, what the token in it says, and what its signature proves.
import { announce, element } from "../dom.js";
import { decode } from "../jose/jwt.js";
import { recognise } from "../jose/recognise.js";
import { createField } from "./field.js";
import { createProof } from "./proof.js";
import { createSaying } from "./saying.js";
import { createVerdict } from "./verdict.js";

const TICK = 1_000;

/** Returns `{ fill(text) }`, which puts a token from another section of the page into the field. */
export function mountBench(section, lab) {
  const saying = createSaying();
  const verdict = createVerdict();
  const proof = createProof(lab, () => inspect());
  const field = createField(lab, () => inspect());
  const proven = element("div", { class: "inspector-proven" }, proof.node, verdict.node);
  const sides = element("div", { class: "inspector-sides", hidden: true }, saying.node, proven);
  section.append(field.node, sides);

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
      say(found.note ?? saying.summary);
      return;
    }
    const answer = await proof.of(decoded);
    // The user has changed the text during verification.
    if (mine !== turn) return;
    saying.prove(answer.verification);
    verdict.show(decoded, answer);
    say([answer.remark, verdict.summary].filter(Boolean).join(" "));
  }

  setInterval(() => {
    saying.tick();
    // Announce only while the focus is in the inspector.
    if (verdict.tick() && section.contains(document.activeElement)) say(verdict.summary);
  }, TICK);
  return { fill: field.fill };
}
