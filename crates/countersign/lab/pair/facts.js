// A list of a token's members: name, value and meaning, with a mark on values that the last refresh changed.
import { element } from "../dom.js";

/** On narrower screens, the lists start collapsed. */
const ROOMY = "(min-width: 48rem)";

/**
 * `facts`: `[{ name, value, sentence, part }]`; `part` is the class that colours the name. A value that differs from the
 * previous value of the same name is marked as new.
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

/** A collapsible part of a card. */
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
