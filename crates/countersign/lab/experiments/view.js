// The DOM of one experiment: its question, its buttons, its steps with their evidence, and its outcome.
import { element } from "../dom.js";

const BADGES = {
  waiting: ["", ""],
  running: ["badge", "running"],
  paused: ["badge", "paused"],
  "as-designed": ["badge good", "as designed"],
  different: ["badge warn", "not as designed"],
  failed: ["badge bad", "stopped"],
};
const STEP_STATES = { waiting: "", running: "running …", done: "done", failed: "stopped here" };
const SIDES = { page: "simulated in this page, not this server", server: "this server" };

export class View {
  steps;
  #node;
  #experiment;
  #badge;
  #guesses;
  #buttons;
  #outcome = element("div", { class: "experiment-outcome" });

  /** `node` is a `details` element with a summary; `actions` are the functions behind the buttons `all`, `one` and `cancel`. */
  constructor(node, experiment, actions) {
    const { id, title, scene, question, choices, steps } = experiment;
    this.#node = node;
    this.#badge = node.querySelector("summary > span");
    this.#experiment = experiment;
    this.steps = steps.map((step, index) => new StepView(step.title, index + 1));
    this.#guesses = Object.entries(choices).map(([key, text]) => guessOf(id, key, text));
    this.#buttons = Object.entries(actions).map(([action, act]) => buttonOf(action, act));
    node.append(
      element("div", { class: "experiment-body" },
        element("div", { class: "experiment-question stack" },
          element("p", { text: scene }),
          element("fieldset", null, element("legend", { text: question }), this.#guesses),
          element("div", { class: "row", role: "group", aria: { label: title } }, this.#buttons),
        ),
        element("div", { class: "stack" },
          element("ol", { class: "steps" }, this.steps.map((step) => step.node)),
          this.#outcome,
        ),
      ),
    );
    this.reset();
  }

  /** "waiting", "running", "paused" or an outcome. */
  set state(state) {
    this.#node.dataset.state = state;
    [this.#badge.className, this.#badge.textContent] = BADGES[state];
    const isRunning = state === "running";
    const isPaused = state === "paused";
    const [all, one, cancel] = this.#buttons;
    all.textContent = isPaused ? "Run the rest" : "Run all steps";
    one.textContent = isPaused ? "Next step" : "Step by step";
    cancel.textContent = "Cancel";
    // `aria-disabled` instead of `disabled`: a disabled button would lose the keyboard focus.
    for (const button of [all, one]) button.ariaDisabled = isRunning;
    cancel.ariaDisabled = !(isRunning || isPaused);
  }

  get outcome() {
    return this.#badge.textContent;
  }

  reset() {
    delete this.#node.dataset.outcome;
    this.#outcome.replaceChildren();
    for (const step of this.steps) step.reset();
    for (const guess of this.#guesses) guess.classList.remove("happened");
    this.state = "waiting";
  }

  /** `happened` is a key of the choices, or null if none matches; `fetchStory` fetches the server's record of the session. */
  conclude(outcome, { happened, paragraphs, fetchStory }) {
    this.state = outcome;
    const [classes, text] = BADGES[outcome];
    const guess = this.#guesses.find(({ dataset }) => dataset.guess === happened);
    guess?.classList.add("happened");
    this.#outcome.replaceChildren(
      element("div", { class: "stack" },
        element("h4", null, "Outcome: ", element("span", { class: classes, text })),
        guess && element("p", null, element("strong", { text: this.#experiment.choices[happened] }), this.#compare(guess)),
        paragraphs.map((text) => element("p", { text })),
        fetchStory && storyOf(fetchStory),
      ),
    );
    this.#node.dataset.outcome = outcome;
  }

  #compare(guess) {
    const picked = this.#guesses.find((one) => one.querySelector("input").checked);
    if (!picked) return "";
    return picked === guess ? " You expected this." : ` You expected another answer: “${this.#experiment.choices[picked.dataset.guess]}”`;
  }
}

class StepView {
  node;
  #state = element("span", { class: "muted" });
  #wait = element("div", { class: "experiment-wait" });
  #rows = element("ul", { class: "evidence" });

  constructor(title, number) {
    this.node = element("li", { data: { step: number } }, element("p", null, title, " ", this.#state), this.#wait, this.#rows);
  }

  get state() {
    return this.node.dataset.state;
  }

  set state(state) {
    this.node.dataset.state = state;
    this.#state.textContent = STEP_STATES[state];
    this.countdown(null);
  }

  get lastEvidence() {
    return [...(this.#rows.lastElementChild?.children ?? [])].map(({ textContent }) => textContent).join(", ");
  }

  reset() {
    this.state = "waiting";
    this.#rows.replaceChildren();
  }

  evidence({ actor, what, status, good, text, note, side }) {
    const answer = status ?? { true: "accepted", false: "rejected" }[good];
    this.add(
      element("li", { data: { side } },
        side && element("small", { text: SIDES[side] }),
        element("strong", { text: actor }),
        element("code", { text: what }),
        answer && element("span", { class: `badge ${good ? "good" : "bad"}`, text: answer }),
        note && element("em", { text: note }),
        // Text with line breaks, such as a PEM file, keeps its lines.
        text && element("span", { class: text.includes("\n") ? "muted token" : "muted", text }),
      ),
    );
  }

  add(row) {
    this.#rows.append(row);
  }

  /** `{ why, left, of }`, the last two in seconds; null hides the countdown. */
  countdown(wait) {
    if (!wait) return this.#wait.replaceChildren();
    const { why, left, of } = wait;
    this.#wait.replaceChildren(element("p", { text: left > 0 ? `${why}: ${left} s` : why }), element("progress", { max: of, value: of - left, aria: { label: why } }));
  }
}

const buttonOf = (action, act) =>
  element("button", {
    type: "button",
    class: action === "all" ? "button primary" : "button",
    data: { action },
    on: { click: ({ currentTarget }) => currentTarget.ariaDisabled === "true" || act() },
  });

const guessOf = (experiment, key, text) =>
  element("label", { data: { guess: key } }, element("input", { type: "radio", name: `guess-${experiment}`, value: key }), element("span", { text }));

/** The server's record of the session, fetched when the user opens it. */
function storyOf(fetchStory) {
  const lines = element("ol");
  const tell = async ({ currentTarget }) => {
    if (!currentTarget.open) return;
    const story = await fetchStory().catch(({ message }) => [message]);
    lines.replaceChildren(...story.map((text) => element("li", { text })));
  };
  return element("details", { on: { toggle: tell } }, element("summary", { text: "What the server recorded about this session" }), lines);
}
