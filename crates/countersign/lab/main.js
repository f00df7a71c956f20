// Puts the page together: one server, one session of its own, and what is mounted into each section.
import { LabSession } from "./lab-session.js";
import { Server } from "./server.js";

const server = new Server();
const lab = new LabSession(server);

document.documentElement.classList.add("scripted");
await server.connect();
lab.follow();

const mounts = [
  ["./pair.js", "mountPair", "pair", lab],
  ["./timeline.js", "mountTimeline", "story", lab],
  ["./experiments.js", "mountExperiments", "experiments", lab],
  ["./inspector.js", "mountInspector", "inspector", lab],
  ["./calls.js", "mountCalls", "calls", server],
];
for (const [file, mount, id, subject] of mounts) {
  import(file).then((module) => module[mount](document.getElementById(id), subject)).catch((error) => console.error(file, error));
}
