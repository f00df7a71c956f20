// The Express tutorial's token server: one user, two secrets, no store. Written for the comparison.
//
// One thing is mended: the original signs the claims of a verified token as they are, with their `exp`, which
// jsonwebtoken refuses beside `expiresIn`; so its /refreshToken fails on every call. Here they are taken out first.
const { createSecretKey } = require("node:crypto");
const express = require("express");
const jwt = require("jsonwebtoken");

const user = { id: 1, username: "alice" };

// Tutorials pass the secrets as strings, from which jsonwebtoken makes a key object on every call.
const key =
  process.env.KEY_FORM === "object"
    ? (name) => createSecretKey(Buffer.from(process.env[name]))
    : (name) => process.env[name];
const accessKey = key("ACCESS_TOKEN_SECRET");
const refreshKey = key("REFRESH_TOKEN_SECRET");

const tokens = (claims) => ({
  accessToken: jwt.sign(claims, accessKey, { expiresIn: "15m" }),
  refreshToken: jwt.sign(claims, refreshKey, { expiresIn: "7d" }),
});

const authenticate = (req, res, next) => {
  const header = req.headers.authorization;
  if (!header) return res.sendStatus(401);
  const token = header.startsWith("Bearer ") ? header.slice("Bearer ".length) : header;
  jwt.verify(token, accessKey, (err, claims) => {
    if (err) return res.sendStatus(403);
    req.user = claims;
    next();
  });
};

const app = express();
app.use(express.json());

app.post("/getTokens", (req, res) => res.json(tokens(user)));

app.post("/refreshToken", (req, res) => {
  const { refreshToken } = req.body ?? {};
  if (!refreshToken) return res.sendStatus(401);
  jwt.verify(refreshToken, refreshKey, (err, claims) => {
    if (err) return res.sendStatus(403);
    const { exp, iat, ...fresh } = claims;
    res.json(tokens(fresh));
  });
});

app.get("/protectedRoute", authenticate, (req, res) =>
  res.json({ message: "This is a protected route", user: req.user }),
);

app.listen(Number(process.env.PORT), "127.0.0.1");
