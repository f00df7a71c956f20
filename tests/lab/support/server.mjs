// A real server in `--dev`, which serves the lab: on free ports, over a data directory of its own.
import { setTimeout as sleep } from "node:timers/promises";
import { Countersign } from "../../../clients/browser/test/browser/support/countersign.mjs";

const READY_WITHIN = 10_000;
/** Of tokens that are not the lab's. */
const LIFETIME = "15m";

export async function startServer(t) {
  const server = await Countersign.start(t, LIFETIME);
  server.url = `http://localhost:${server.port}`;
  return server;
}

/** Waits until a server that was told to start anew is ready again. */
export async function isReady({ url }) {
  const until = Date.now() + READY_WITHIN;
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > until) throw new Error("the server did not become ready again");
    await sleep(50);
  }
}
