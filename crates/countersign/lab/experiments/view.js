// How one experiment looks: its question, its buttons, its steps with their evidence, and its outcome.
import { element } from "../dom.js";

const STATES = {
  waiting: "not run yet",
  running: "running",
  paused: "under way",
  "as-designed": "as designed",
  different: "different",
  failed: "stopped",
};
const TONES = { "as-designed": "good", different: "warn", failed: "bad" };
const HEADINGS = {
  "as-designed": "As designed",
  different: "Different from the design",
  failed: "Stopped before the end",
};
const SIDES = { page: "re-enacted in this page, not this server", server: "this server" };

export class View {
  node;
  steps;
  #experiment;
  #badge = element("span", { class: "badge" });
  #guesses;
  #buttons;
  #outcome = element("div", { class: "experiment-outcome stack", hidden: true });

  /** `actions`: what `all`, `one` and `cancel` do. */
  constructor(experiment, actions) {
    const { id, title, scene, question, choices, steps } = experiment;
    this.#experiment = experiment;
    this.steps = steps.map((step, index) => new StepView(step, index + 1));
    this.#guesses = new Map(Object.entries(choices).map(([key, text]) => [key, guessOf(id, key, text)]));
    this.#buttons = {
      all: buttonOf("button primary", actions.all),
      one: buttonOf("button", actions.one),
      cancel: buttonOf("button", actions.cancel),
    };
    this.#buttons.cancel.textContent = "Cancel";
    this.node = element("details", { class: "experiment", id: `experiment-${id}`, data: { experiment: id } },
      element("summary", null, element("h3", { text: title }), this.#badge),
      element("div", { class: "experiment-body" },
        element("div", { class: "experiment-question stack" },
          element("p", { text: scene }),
          element("fieldset", null, element("legend", { text: question }), [...this.#guesses.values()].map(({ node }) => node)),
          element("div", { class: "row", role: "group", aria: { label: `Run: ${title}` } }, Object.values(this.#buttons)),
        ),
        element("div", { class: "experiment-run stack" },
          element("ol", { class: "steps" }, this.steps.map((step) => step.node)),
          this.#outcome,
        ),
      ),
    );
    this.reset();
  }

  /** "waiting", "running", "paused" or an outcome. */
  set state(state) {
    const isUnderWay = state === "running" || state === "paused";
    this.node.dataset.state = state;
    this.#badge.className = `badge ${TONES[state] ?? "plain"}`;
    this.#badge.textContent = STATES[state];
    const { all, one, cancel } = this.#buttons;
    const again = isUnderWay || state === "waiting" ? "" : " again";
    all.textContent = state === "paused" ? "Run the other steps" : `Run all steps${again}`;
    one.textContent = state === "paused" ? "Run the next step" : `Run one step${again}`;
    // They stay in the order of tabs and keep the focus, so that it is never lost while something runs.
    for (const button of [all, one]) button.setAttribute("aria-disabled", state === "running");
    cancel.setAttribute("aria-disabled", !isUnderWay);
  }

  reset() {
    delete this.node.dataset.outcome;
    this.#outcome.hidden = true;
    this.#outcome.replaceChildren();
    for (const step of this.steps) step.reset();
    for (const { mark } of this.#guesses.values()) mark.hidden = true;
    this.state = "waiting";
  }

  /** `story` fetches what the server tells of the session, or is null. */
  conclude(outcome, { happened, paragraphs, story }) {
    this.state = outcome;
    const mark = this.#guesses.get(happened)?.mark;
    if (mark) mark.hidden = false;
    this.#outcome.replaceChildren(
      element("h4", null, element("span", { class: `badge ${TONES[outcome]}`, text: HEADINGS[outcome] })),
      element("p", { class: "experiment-answer", text: this.#compare(outcome, happened) }),
      ...paragraphs.map((text) => element("p", { text })),
    );
    if (story) this.#outcome.append(storyOf(story));
    this.#outcome.hidden = false;
    this.node.dataset.outcome = outcome;
  }

  #compare(outcome, happened) {
    const { choices } = this.#experiment;
    const picked = [...this.#guesses].find(([, { input }]) => input.checked)?.[0];
    if (outcome !== "as-designed") return "";
    if (!picked) return choices[happened];
    return picked === happened ? `You picked: “${choices[picked]}” That is what happened.` : `You picked: “${choices[picked]}” What happened: “${choices[happened]}”`;
  }
}

class StepView {
  node;
  #state = element("span", { class: "experiment-state muted" });
  #wait = element("div", { class: "experiment-wait", hidden: true });
  #rows = element("ul", { class: "evidence" });
  #panel = element("div");

  constructor({ title }, number) {
    this.node = element("li", { data: { step: number } },
      element("p", { class: "experiment-step" }, element("span", { text: title }), " ", this.#state),
      this.#wait,
      this.#rows,
      this.#panel,
    );
  }

  set state(state) {
    this.node.dataset.state = state;
    this.#state.textContent = { waiting: "", running: "running …", done: "done", failed: "stopped here" }[state];
    if (state !== "running") this.countdown(null);
  }

  get lastEvidence() {
    return this.#rows.lastElementChild?.textContent ?? "";
  }

  reset() {
    this.state = "waiting";
    this.#rows.replaceChildren();
    this.#panel.replaceChildren();
  }

  evidence({ actor, what, status, good, text, note, side }) {
    const answer = status ?? (good ? "yes" : "no");
    this.#rows.append(
      element("li", { data: { side } },
        element("span", { class: "evidence-actor", text: actor }), " ",
        element("code", { text: what }), " ",
        element("span", { class: `badge ${good ? "good" : "bad"}`, text: answer }), " ",
        side && element("span", { class: "evidence-side", text: SIDES[side] }), " ",
        note && element("em", { text: note }), " ",
        text && element("span", { class: "evidence-text", text }),
      ),
    );
  }

  /** `{ text, left, of }` in seconds, or null when the waiting is over. */
  countdown(wait) {
    this.#wait.hidden = !wait;
    if (!wait) return;
    const text = `${wait.text}: ${wait.left} s`;
    this.#wait.replaceChildren(element("p", { text }), element("progress", { max: wait.of, value: wait.of - wait.left, aria: { label: wait.text } }));
  }

  panel(node) {
    this.#panel.replaceChildren(node);
  }
}

const buttonOf = (classes, act) =>
  element("button", { type: "button", class: classes, on: { click: ({ currentTarget }) => currentTarget.ariaDisabled === "true" || act() } });

function guessOf(experiment, key, text) {
  const input = element("input", { type: "radio", name: `guess-${experiment}`, value: key });
  const mark = element("span", { class: "badge plain", text: "this happened", hidden: true });
  return { input, mark, node: element("label", null, input, element("span", null, text, " ", mark)) };
}

/** The server's own record, fetched when somebody wants to read it. */
function storyOf(fetchStory) {
  const lines = element("ol", { class: "experiment-story" });
  const tell = async ({ currentTarget }) => {
    if (!currentTarget.open) return;
    const story = await fetchStory().catch((error) => [error.message]);
    lines.replaceChildren(...(story.length > 0 ? story : ["The server tells nothing of this session."]).map((text) => element("li", { text })));
  };
  return element("details", { on: { toggle: tell } }, element("summary", { text: "What the server noted about this session" }), lines);
}
