// The servers of a test run, and one token of each kind that the recipes are shown.
import { once } from "node:events";
import { createServer } from "node:http";
import { Countersign, accessToken, keySet, signIn } from "./countersign.mjs";
import { freePort } from "./process.mjs";
import { signedByForger } from "./tokens.mjs";

export const AUDIENCE = "https://api.example.com";
const SHORT_LIFETIME = "10s";

export class World {
  static async create() {
    const world = new World();
    const port = await freePort();
    const settings = { ISSUER: `http://127.0.0.1:${port}`, ACCESS_TOKEN__AUDIENCE: AUDIENCE, ACCESS_TOKEN__JITTER: "0" };
    world.authority = await Countersign.create(settings);
    world.server = await world.authority.serve({}, port);
    world.pair = await signIn(world.server);
    world.good = world.pair.accessToken;
    world.keySet = await keySet(world.server);
    world.bad = await world.#tokensOfOtherSettings();
    world.shortLived = await world.authority.serve({ ACCESS_TOKEN__LIFETIME: SHORT_LIFETIME });

    world.otherAuthority = await Countersign.create(settings);
    world.strange = await accessToken(await world.otherAuthority.serve());
    world.forger = await forger(world.good);
    return world;
  }

  /** The right key and user; `differs` names the one thing that is wrong. */
  async #tokensOfOtherSettings() {
    const issue = async (settings) => accessToken(await this.authority.serve(settings));
    const audience = await issue({ ACCESS_TOKEN__AUDIENCE: `${AUDIENCE}/v2` });
    const issuer = await issue({ ISSUER: `${this.server.url}/other` });
    const type = await issue({ ACCESS_TOKEN__TYPE: "JWT" });
    return [
      { name: "another audience", token: audience, differs: "aud" },
      { name: "another issuer", token: issuer, differs: "iss" },
      { name: "another type of token, as an ID token is", token: type, differs: "typ" },
    ];
  }

  async remove() {
    this.forger.server.close();
    await Promise.all([this.authority.remove(), this.otherAuthority.remove()]);
  }
}

async function forger(good) {
  const made = { asked: 0 };
  made.server = createServer((request, response) => {
    made.asked += 1;
    response.end(JSON.stringify(made.keySet));
  }).listen(0, "127.0.0.1");
  await once(made.server, "listening");
  return Object.assign(made, signedByForger(good, `http://127.0.0.1:${made.server.address().port}/jwks.json`));
}
