// The card with the result of every check that a verifier makes, in the verifier's order.
import { element } from "../dom.js";
import { checksOf, refusalIn } from "../jose/checks.js";

const STATES = { pass: ["good", "passed"], refuse: ["bad", "rejected"], unknown: ["plain", "unknown"] };

export function createVerdict() {
  const headline = element("p", { class: "inspector-headline" });
  const list = element("ol", { class: "inspector-checks" });
  const node = element(
    "div",
    { class: "card stack", hidden: true },
    element("h3", { text: "Checks of a verifier" }),
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
    /** Updates the sentences that contain times. Returns whether the state of a check has changed. */
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
  if (refusal) return ["bad", "rejected", `A verifier rejects the token at “${refusal.name}”. ${refusal.text}`];
  if (outcome !== "verified") {
    return ["warn", "only decoded", "No check failed, but the signature is not verified, so the token proves nothing."];
  }
  const open = checks.filter(({ state, name }) => state === "unknown" && name !== "Session").length;
  if (open > 0) return ["warn", "signature verified", "The signature is valid. Only the API of the token can make the remaining checks."];
  return ["good", "accepted", "A verifier accepts the token. The token does not show whether its session has been revoked."];
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
  element("li", { class: "inspector-stop", text: `A verifier stops here.${length > 0 ? " The checks below are only for your information." : ""}` });
