// A list of a token's parts: name, value, what it means, and whether it has changed since the last look.
import { element } from "../dom.js";

/** Where there is little room, a list begins folded. */
const ROOMY = "(min-width: 48rem)";

/**
 * `facts`: `[{ name, value, sentence, part }]`, `part` the class that colours the name. What was shown before under the
 * same name with another value is marked as new.
 */
export function createFacts() {
  const node = element("dl", { class: "facts" });
  let before = new Map();
  return {
    node,
    show(facts, { isSuccessor }) {
      const isNew = ({ name, value }) => isSuccessor && before.has(name) && before.get(name) !== value;
      node.replaceChildren(...facts.map((fact) => row(fact, isNew(fact))));
      before = new Map(facts.map(({ name, value }) => [name, value]));
    },
  };
}

/** A part of a card, which can be folded. */
export function createFold(title, meaning, body) {
  const heading = element("h4", null, title, element("span", { class: "muted", text: `: ${meaning}` }));
  return element(
    "details",
    { class: "fold", open: matchMedia(ROOMY).matches },
    element("summary", null, heading),
    body,
  );
}

const row = ({ name, value, sentence, part }, isNew) =>
  element(
    "div",
    { class: "fact" },
    element(
      "dt",
      null,
      element("span", { class: `part part-${part}`, text: name }),
      isNew ? element("span", { class: "badge plain", text: "new" }) : null,
    ),
    element(
      "dd",
      null,
      element("span", { class: "token", text: value }),
      element("p", { class: "muted", text: sentence }),
    ),
  );
