// A provider as its documentation sets one up, with one client, rotating refresh tokens and ES256 access tokens.
//
// Only a browser gets a first refresh token out of it, and the comparison has none. So POST /seed?count=N, which
// is ours, stores grants and refresh tokens through the provider's own models; all else is the provider's.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const port = Number(process.env.PORT);
const resource = "https://api.example";
const scope = "api";
const clientId = process.env.CLIENT_ID;

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const signingKey = { ...privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig" };

const resourceServer = {
  scope,
  audience: resource,
  accessTokenTTL: 15 * 60,
  accessTokenFormat: "jwt",
  jwt: { sign: { alg: "ES256" } },
};

// No adapter is given, so the built-in one keeps the thousand to two thousand entries that were used last. A refresh
// uses all that its session needs, four entries at most: with up to two hundred sessions only spent tokens go.
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: clientId,
      client_secret: process.env.CLIENT_SECRET,
      token_endpoint_auth_method: "client_secret_post",
      id_token_signed_response_alg: "ES256",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: ["https://client.example/callback"],
    },
  ],
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      getResourceServerInfo: () => resourceServer,
      useGrantedResource: () => true,
    },
  },
  findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: 15 * 60, Grant: 7 * 24 * 60 * 60, RefreshToken: 7 * 24 * 60 * 60 },
});

provider.on("server_error", (_ctx, error) => console.error(error));

// What the consent to an authorization request would have left behind.
async function seed(client) {
  const accountId = randomBytes(8).toString("hex");
  const grant = new provider.Grant({ accountId, clientId });
  grant.addResourceScope(resource, scope);
  const refreshToken = new provider.RefreshToken({
    accountId,
    authTime: Math.floor(Date.now() / 1000),
    client,
    expiresWithSession: false,
    grantId: await grant.save(),
    gty: "authorization_code",
    resource,
    rotations: 0,
    scope,
  });
  return refreshToken.save();
}

const answer = provider.callback();

createServer(async (request, response) => {
  if (!request.url.startsWith("/seed?")) return answer(request, response);
  const count = Number(new URL(request.url, provider.issuer).searchParams.get("count"));
  const client = await provider.Client.find(clientId);
  const refreshTokens = await Promise.all(Array.from({ length: count }, () => seed(client)));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ refreshTokens }));
}).listen(port, "127.0.0.1");
