// A real server with `--dev`, which serves the lab, on free ports and with its own data directory.
import { Countersign } from "../../../clients/browser/test/browser/support/countersign.mjs";
import { until } from "../../../clients/browser/test/browser/support/pause.mjs";

const READY_WITHIN = 10_000;
/** The lifetime of access tokens outside the lab. */
const LIFETIME = "15m";

export async function startServer(t) {
  const server = await Countersign.start(t, LIFETIME);
  server.url = `http://localhost:${server.port}`;
  return server;
}

/** Waits until a restarting server is ready again. */
export function isReady({ url }) {
  const asks = async () => (await fetch(`${url}/readyz`).catch(() => null))?.ok;
  return until(asks, "the server is ready again", READY_WITHIN);
}
