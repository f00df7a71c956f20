// What a verifier would refuse, and why: every check in its order.
import { element } from "../dom.js";
import { checksOf, refusalIn } from "../jose/checks.js";

const STATES = { pass: ["good", "passes"], refuse: ["bad", "refused"], unknown: ["plain", "cannot know"] };

export function createVerdict() {
  const headline = element("p", { class: "inspector-headline" });
  const list = element("ol", { class: "inspector-checks" });
  const node = element(
    "div",
    { class: "card stack", hidden: true },
    element("h3", { text: "What a verifier would refuse, and why" }),
    headline,
    list,
  );
  let shown = null;
  let states = "";

  const verdict = {
    node,
    summary: "",
    show(decoded, { keys, verification, expected }) {
      shown = { decoded, keys, verification, expected };
      node.hidden = false;
      draw(checks());
    },
    hide() {
      shown = null;
      node.hidden = true;
    },
    /** Time passes: the sentences follow it. Answers whether a check has another outcome now. */
    tick() {
      if (!shown) return false;
      const now = checks();
      if (statesOf(now) !== states) {
        draw(now);
        return true;
      }
      list.querySelectorAll(".inspector-why").forEach((sentence, index) => {
        const { text } = now[index];
        if (sentence.textContent !== text) sentence.textContent = text;
      });
      return false;
    },
  };

  const checks = () => checksOf(shown.decoded, { ...shown, now: Date.now() / 1_000 });

  function draw(now) {
    states = statesOf(now);
    const [tone, word, text] = conclude(now, shown.verification);
    verdict.summary = text;
    headline.replaceChildren(element("span", { class: `badge ${tone}`, text: word }), ` ${text}`);
    const stop = now.indexOf(refusalIn(now)) + 1;
    const rest = shown.decoded.parts.length === 0 ? [] : now.slice(stop);
    list.replaceChildren(...now.slice(0, stop).map(item), ...(stop > 0 ? [stopped(rest)] : []), ...rest.map(item));
  }
  return verdict;
}

const statesOf = (checks) => checks.map(({ state }) => state).join(" ");

function conclude(checks, { outcome }) {
  const refusal = refusalIn(checks);
  if (refusal) return ["bad", "refused", `A verifier refuses it at “${refusal.name}”. ${refusal.text}`];
  if (outcome !== "verified") {
    return ["warn", "only decoded", "Nothing in it looks wrong, but its signature is not verified, so it proves nothing."];
  }
  const open = checks.filter(({ state, name }) => state === "unknown" && name !== "Session").length;
  if (open > 0) return ["warn", "signature verified", "The signature holds. Whether the rest is right, only its API can know."];
  return ["good", "accepted", "A verifier accepts it. Whether its session still lives, no token can say."];
}

function item({ name, state, text }) {
  const [tone, word] = STATES[state];
  return element(
    "li",
    null,
    element("span", { class: `badge ${tone}`, text: word }),
    element("strong", { text: name }),
    element("span", { class: "inspector-why", text }),
  );
}

const stopped = ({ length }) =>
  element("li", { class: "inspector-stop", text: `A verifier stops here.${length > 0 ? " The rest is for you." : ""}` });
