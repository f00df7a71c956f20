// The experiments: a question, steps that are real calls to this server, and an outcome that is computed from its answers.
import { announce, element } from "./dom.js";
import { experiments } from "./experiments/all.js";
import { Run, StepFailed } from "./experiments/run.js";
import { View } from "./experiments/view.js";
import { ServerUnreachable } from "./server.js";

export { experiments };

export function mountExperiments(section, lab) {
  section.append(
    element("p", {
      class: "intro",
      text: "Each begins with a question. Pick what you expect, then let the server answer: all steps at once, or one by one. Every experiment has a session of its own, so nothing else is disturbed, and each call is listed below.",
    }),
    element("div", { class: "experiments" }, experiments.map((experiment) => new Performance(experiment, lab).node)),
  );
}

/** One experiment on the page: at rest, under way, or done; again and again. */
class Performance {
  #experiment;
  #lab;
  #view;
  #run = null;
  /** The index of the step that comes next. */
  #next = 0;
  #isBusy = false;

  constructor(experiment, lab) {
    this.#experiment = experiment;
    this.#lab = lab;
    this.#view = new View(experiment, {
      all: () => this.#perform(Infinity),
      one: () => this.#perform(1),
      cancel: () => this.#cancel(),
    });
  }

  get node() {
    return this.#view.node;
  }

  async #perform(steps) {
    if (this.#isBusy) return;
    if (!this.#run) this.#begin();
    const run = this.#run;
    this.#isBusy = true;
    this.#view.state = "running";
    const end = Math.min(this.#next + steps, this.#experiment.steps.length);
    while (run === this.#run && this.#next < end) await this.#step(run, steps === 1);
    if (run !== this.#run) return;
    this.#isBusy = false;
    if (this.#next < this.#experiment.steps.length) this.#view.state = "paused";
    else this.#conclude(run);
  }

  #begin() {
    this.#view.reset();
    this.#next = 0;
    const step = () => this.#view.steps[this.#next];
    this.#run = new Run(this.#lab, {
      evidence: (row) => step().evidence(row),
      countdown: (wait) => step().countdown(wait),
      panel: (node) => step().panel(node),
    });
  }

  async #step(run, isAlone) {
    const shown = this.#view.steps[this.#next];
    shown.state = "running";
    try {
      await this.#experiment.steps[this.#next].run(run, run.facts);
    } catch (error) {
      if (run === this.#run) this.#fail(run, error);
      return;
    }
    if (run !== this.#run) return;
    shown.state = "done";
    this.#next += 1;
    if (isAlone) announce(`Step ${this.#next} is done. ${shown.lastEvidence}`);
  }

  #conclude(run) {
    const { promised, happened, explain, choices, title } = this.#experiment;
    this.#end(run);
    const asked = { promised: promised(run.facts), happened: happened(run.facts) };
    const isAsDesigned = asked.promised === asked.happened;
    const paragraphs = isAsDesigned ? explain(run.facts) : whyDifferent(choices, asked);
    const outcome = isAsDesigned ? "as-designed" : "different";
    this.#view.conclude(outcome, { happened: asked.happened, paragraphs, story: () => this.#lab.story(run.sessionId) });
    announce(`${title}: ${isAsDesigned ? `as designed. ${choices[asked.happened]}` : "different from the design."}`);
  }

  #fail(run, error) {
    if (!(error instanceof StepFailed || error instanceof ServerUnreachable)) console.error(error);
    this.#view.steps[this.#next].state = "failed";
    this.#isBusy = false;
    this.#end(run);
    this.#view.conclude("failed", { paragraphs: [error.message], story: null });
    announce(`${this.#experiment.title}: stopped. ${error.message}`);
  }

  #cancel() {
    if (!this.#run) return;
    this.#isBusy = false;
    this.#end(this.#run);
    this.#view.reset();
    announce(`${this.#experiment.title}: cancelled.`);
  }

  #end(run) {
    this.#run = null;
    run.stop();
  }
}

function whyDifferent(choices, { promised, happened }) {
  return [
    `The design promises: ${choices[promised]}`,
    `What happened: ${choices[happened] ?? "none of the answers that could be picked."}`,
    "The steps above show what the server really answered. Run the experiment again; if it stays like this, it is a defect, and worth a report with the calls below.",
  ];
}
