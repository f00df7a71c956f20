// Runs the steps of an experiment, and computes its outcome from the server's responses.
import { announce } from "../dom.js";
import { ServerUnreachable } from "../server.js";
import { Run, StepFailed } from "./run.js";
import { View } from "./view.js";

/** One experiment on the page: waiting, running, paused or finished. The user can run it any number of times. */
export class Performance {
  #view;
  #experiment;
  #lab;
  /** The current run, or null. Results of a cancelled run are ignored, because it is no longer the current run. */
  #run = null;
  /** The index of the next step. */
  #next = 0;

  constructor(node, experiment, lab) {
    this.#experiment = experiment;
    this.#lab = lab;
    this.#view = new View(node, experiment, {
      all: () => this.#perform(experiment.steps.length),
      one: () => this.#perform(1),
      cancel: () => this.#cancel(),
    });
  }

  async #perform(steps) {
    this.#run ??= this.#begin();
    const run = this.#run;
    const end = Math.min(this.#next + steps, this.#view.steps.length);
    this.#view.state = "running";
    try {
      while (this.#next < end) await this.#step(run, steps === 1);
      if (end === this.#view.steps.length) this.#conclude(run);
      else this.#pause(run);
    } catch (error) {
      if (run === this.#run) this.#fail(run, error);
    }
  }

  #begin() {
    this.#view.reset();
    this.#next = 0;
    return new Run(this.#lab, () => this.#view.steps[this.#next]);
  }

  async #step(run, isAlone) {
    const step = this.#view.steps[this.#next];
    step.state = "running";
    await this.#experiment.steps[this.#next].run(run, run.facts);
    run.signal.throwIfAborted();
    step.state = "done";
    this.#next += 1;
    if (!isAlone) return;
    const isTimed = this.#experiment.steps[this.#next]?.isTimed;
    announce(`Step ${this.#next} is done. ${step.lastEvidence}${isTimed ? `. The grace period is ${run.setup.grace} seconds.` : ""}`);
  }

  #pause(run) {
    this.#view.state = "paused";
    if (this.#experiment.steps[this.#next].isTimed) run.showGrace(this.#view.steps[this.#next]);
  }

  #conclude(run) {
    const { choices } = this.#experiment;
    const promised = this.#experiment.promised(run.facts);
    const happened = this.#experiment.happened(run.facts);
    if (promised === happened) this.#end(run, "as-designed", this.#experiment.explain(run.facts), happened);
    else this.#end(run, "different", whyDifferent(choices[promised], choices[happened]), happened);
  }

  #fail(run, error) {
    const isKnown = error instanceof StepFailed || error instanceof ServerUnreachable;
    if (!isKnown) console.error(error);
    this.#view.steps[this.#next].state = "failed";
    this.#end(run, "failed", [isKnown ? error.message : `This page has a bug: ${error.message}. Reload the page, and run the experiment again.`]);
  }

  #end(run, outcome, paragraphs, happened) {
    this.#stop();
    const fetchStory = run.sessionId && (() => this.#lab.story(run.sessionId));
    this.#view.conclude(outcome, { happened, paragraphs, fetchStory });
    const { title, choices } = this.#experiment;
    announce(`${title}: ${this.#view.outcome}. ${choices[happened] ?? paragraphs[0]}`);
  }

  #cancel() {
    this.#stop();
    this.#view.reset();
    announce(`${this.#experiment.title}: cancelled.`);
  }

  #stop() {
    this.#run.stop();
    this.#run = null;
  }
}

const whyDifferent = (promised, happened) => [
  ...(happened ? [] : ["The result matches none of the listed answers."]),
  `By design, the result is: ${promised}`,
  "The steps show the server’s responses. Run the experiment again. If the result is the same, report it as a bug, with the calls below.",
];
