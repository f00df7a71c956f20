// The list of first steps: marks the steps that the user has done.
import { element } from "./dom.js";

export function mountPath(list, lab) {
  const steps = [...list.querySelectorAll("a")];
  const done = (index) => {
    const step = steps[index];
    if (!step.querySelector(".done")) step.append(element("span", { class: "done badge good", text: "done" }));
  };
  let before = null;
  lab.addEventListener("change", () => {
    const { pair } = lab;
    if (pair) done(0);
    if (pair?.sessionId === before?.sessionId && pair?.refreshToken !== before?.refreshToken) done(1);
    before = pair;
  });
  const { experiments, inspector } = Object.fromEntries(
    ["experiments", "inspector"].map((id) => [id, document.getElementById(id)]),
  );
  experiments.addEventListener("click", ({ target }) => target.closest("button") && done(2));
  for (const name of ["inspect", "input"]) inspector.addEventListener(name, () => done(3));
}
