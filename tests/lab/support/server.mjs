// A real server in `--dev`, which serves the lab: on free ports, over a data directory of its own.
import { Countersign } from "../../../clients/browser/test/browser/support/countersign.mjs";
import { until } from "../../../clients/browser/test/browser/support/pause.mjs";

const READY_WITHIN = 10_000;
/** Of tokens that are not the lab's. */
const LIFETIME = "15m";

export async function startServer(t) {
  const server = await Countersign.start(t, LIFETIME);
  server.url = `http://localhost:${server.port}`;
  return server;
}

/** Waits until a server that was told to start anew is ready again. */
export function isReady({ url }) {
  const asks = async () => (await fetch(`${url}/readyz`).catch(() => null))?.ok;
  return until(asks, "the server is ready again", READY_WITHIN);
}
