// The list of experiments. Each module loads when the user opens the experiment. It has a question, steps that make real calls
// to this server, and a function that computes the outcome from the responses.
import { element } from "./dom.js";

const grace = () => import("./experiments/grace.js");
const theft = () => import("./experiments/theft.js");
const forging = () => import("./experiments/forging.js");

/** `load` returns the experiment's texts and steps. They do not depend on the page. */
export const experiments = [
  { id: "two-tabs", title: "Several tabs refresh at the same time", load: async () => (await grace()).twoTabs },
  { id: "lost-answer", title: "The response is lost", load: async () => (await grace()).lostAnswer },
  { id: "thief-second", title: "The thief refreshes second", load: async () => (await theft()).thiefSecond },
  { id: "thief-first", title: "The thief refreshes first", load: async () => (await theft()).thiefFirst },
  { id: "edited-token", title: "The access token is edited", load: async () => (await forging()).editedToken },
  { id: "alg-none", title: "A token with the algorithm “none”", load: async () => (await forging()).algNone },
  { id: "public-key-as-secret", title: "A token signed with the public key as HS256 secret", load: async () => (await forging()).publicKeyAsSecret },
  { id: "other-issuer", title: "A token from another issuer", load: async () => (await forging()).otherIssuer },
  { id: "restart", title: "The server restarts", load: async () => (await import("./experiments/restart.js")).restart },
  { id: "key-rotation", title: "The signing key rotates", load: async () => (await import("./experiments/key-rotation.js")).keyRotation },
  { id: "signed-out", title: "After a sign-out, when does each API notice?", load: async () => (await import("./experiments/signed-out.js")).signedOut },
  { id: "two-designs", title: "The same theft in the Express tutorial’s design", load: async () => (await import("./experiments/two-designs.js")).twoDesigns },
];

export function mountExperiments(section, lab) {
  const intro = "Each experiment begins with a question. Pick the answer that you expect, then run all steps or one step at a time. Every experiment opens its own session; only the restart and the key rotation affect every client of this server. The calls are listed below.";
  section.append(
    element("p", { class: "intro", text: intro }),
    element("div", { class: "experiments" }, experiments.map((experiment) => nodeOf(experiment, lab))),
  );
}

function nodeOf({ id, title, load }, lab) {
  const summary = element("summary", null, element("h3", { text: title }), element("span"));
  const node = element("details", { class: "experiment", id: `experiment-${id}`, data: { experiment: id } }, summary);
  const fill = async () => {
    try {
      const [{ Performance }, description] = await Promise.all([import("./experiments/performance.js"), load()]);
      new Performance(node, { id, title, ...description }, lab);
    } catch (error) {
      console.error(error);
      node.append(element("p", { class: "experiment-body", text: "The experiment could not be loaded. Check that the server runs, then reload the page." }));
    }
  };
  node.addEventListener("toggle", fill, { once: true });
  return node;
}
