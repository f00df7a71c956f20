// Sets up the page: connects to the server, creates the page's session object and mounts each section.
import { mountCalls } from "./calls.js";
import { mountConnection } from "./connection.js";
import { element } from "./dom.js";
import { mountExperiments } from "./experiments.js";
import { mountInspector } from "./inspector.js";
import { LabSession } from "./lab-session.js";
import { mountPair } from "./pair.js";
import { mountPath } from "./path.js";
import { Server } from "./server.js";
import { mountTimeline } from "./timeline.js";

const at = (id) => document.getElementById(id);
const server = new Server();
const lab = new LabSession(server);

try {
  await server.connect();
  mountConnection(at("connection"), lab);
  mountPath(at("path"), lab);
  mountPair(at("pair"), lab);
  mountTimeline(at("story"), lab);
  mountExperiments(at("experiments"), lab);
  mountInspector(at("inspector"), lab);
  mountCalls(at("calls"), server);
  lab.follow();
} catch (error) {
  const notice = "The page could not connect to the server. Check that the server runs, then reload the page.";
  at("connection").replaceChildren(element("span", { class: "badge bad", text: "not started" }), ` ${notice}`);
  throw error;
}
