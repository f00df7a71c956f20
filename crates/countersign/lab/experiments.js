// The list of experiments. Each is loaded when it is opened: a question, steps that are real calls to this server, and how
// the outcome follows from its answers.
import { element } from "./dom.js";

const grace = () => import("./experiments/grace.js");
const theft = () => import("./experiments/theft.js");
const forging = () => import("./experiments/forging.js");

/** `load` gets the description: words and steps, and nothing of the page. */
export const experiments = [
  { id: "two-tabs", title: "Two tabs refresh at once, or five", load: async () => (await grace()).twoTabs },
  { id: "lost-answer", title: "The answer is lost", load: async () => (await grace()).lostAnswer },
  { id: "thief-second", title: "The thief comes second", load: async () => (await theft()).thiefSecond },
  { id: "thief-first", title: "The thief comes first", load: async () => (await theft()).thiefFirst },
  { id: "edited-token", title: "The access token is edited", load: async () => (await forging()).editedToken },
  { id: "alg-none", title: "A token that says it needs no signature", load: async () => (await forging()).algNone },
  { id: "public-key-as-secret", title: "HS256, signed with the public key", load: async () => (await forging()).publicKeyAsSecret },
  { id: "other-issuer", title: "A token from another issuer", load: async () => (await forging()).otherIssuer },
  { id: "restart", title: "The server restarts", load: async () => (await import("./experiments/restart.js")).restart },
  { id: "key-rotation", title: "The signing key rotates", load: async () => (await import("./experiments/key-rotation.js")).keyRotation },
  { id: "signed-out", title: "Signed out: when does each API notice?", load: async () => (await import("./experiments/signed-out.js")).signedOut },
  { id: "two-designs", title: "The same theft in the tutorial’s design", load: async () => (await import("./experiments/two-designs.js")).twoDesigns },
];

export function mountExperiments(section, lab) {
  const intro = "Each begins with a question. Pick what you expect, then let the server answer, all at once or step by step. Every experiment has a session of its own; only the restart and the key rotation reach everybody on this server. The calls are listed below.";
  section.append(
    element("p", { class: "intro", text: intro }),
    element("div", { class: "experiments" }, experiments.map((experiment) => placeOf(experiment, lab))),
  );
}

function placeOf({ id, title, load }, lab) {
  const summary = element("summary", null, element("h3", { text: title }), element("span"));
  const node = element("details", { class: "experiment", id: `experiment-${id}`, data: { experiment: id } }, summary);
  const fill = async () => {
    try {
      const [{ Performance }, description] = await Promise.all([import("./experiments/performance.js"), load()]);
      new Performance(node, { id, title, ...description }, lab);
    } catch (error) {
      console.error(error);
      node.append(element("p", { class: "experiment-body", text: "The experiment could not be loaded. Reload the page when the server runs." }));
    }
  };
  node.addEventListener("toggle", fill, { once: true });
  return node;
}
