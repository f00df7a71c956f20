// A list of a token's parts: name, value, what it means, and whether it has changed since the last look.
import { element } from "../dom.js";

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

const row = ({ name, value, sentence, part }, isNew) =>
  element(
    "div",
    { class: "fact", data: { part } },
    element("dt", null, element("span", { class: `part part-${part}`, text: name })),
    element(
      "dd",
      null,
      element("span", { class: "token", text: value }),
      isNew ? element("span", { class: "badge plain", text: "new" }) : null,
      element("p", { class: "muted", text: sentence }),
    ),
  );
