// The servers of a test run, and the tokens that the tests send to the recipes.
import { once } from "node:events";
import { createServer } from "node:http";
import { Countersign, accessToken, keySet, signIn } from "./countersign.mjs";
import { freePort } from "./process.mjs";
import { signedByForger } from "./tokens.mjs";

export const AUDIENCE = "https://api.example.com";
const SHORT_LIFETIME = "10s";

export class World {
  #authorities = [];

  /** If this throws, the servers that it has started are still running; call `remove` in that case too. */
  async create() {
    const port = await freePort();
    const settings = { ISSUER: `http://127.0.0.1:${port}`, ACCESS_TOKEN__AUDIENCE: AUDIENCE, ACCESS_TOKEN__JITTER: "0" };
    this.authority = await this.#authority(settings);
    this.server = await this.authority.serve({}, port);
    this.pair = await signIn(this.server);
    this.good = this.pair.accessToken;
    this.keySet = await keySet(this.server);
    this.bad = await this.#tokensOfOtherSettings();
    this.shortLived = await this.authority.serve({ ACCESS_TOKEN__LIFETIME: SHORT_LIFETIME });

    const other = await this.#authority(settings);
    this.strange = await accessToken(await other.serve());
    this.forger = await forger(this.good);
  }

  async #authority(settings) {
    const authority = new Countersign(settings);
    this.#authorities.push(authority);
    await authority.create();
    return authority;
  }

  /** Invalid tokens with a valid signature. `differs` names the one wrong header parameter or claim. */
  async #tokensOfOtherSettings() {
    const issue = async (settings) => accessToken(await this.authority.serve(settings));
    const audience = await issue({ ACCESS_TOKEN__AUDIENCE: `${AUDIENCE}/v2` });
    const issuer = await issue({ ISSUER: `${this.server.url}/other` });
    const type = await issue({ ACCESS_TOKEN__TYPE: "JWT" });
    return [
      { name: "another audience", token: audience, differs: "aud" },
      { name: "another issuer", token: issuer, differs: "iss" },
      { name: "another type of token, such as an ID token", token: type, differs: "typ" },
    ];
  }

  async remove() {
    this.forger?.server.close();
    await Promise.all(this.#authorities.map((authority) => authority.remove()));
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
