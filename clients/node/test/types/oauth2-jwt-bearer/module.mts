// A program with another library that gives `req.auth` a type. Importing this package does not change that type.
import { createServer } from "node:http";
import express from "express";
import { auth } from "express-oauth2-jwt-bearer";
import { claimsOf, createGuard, requireToken } from "countersign";

const options = { issuer: "https://id.example", audience: "https://api.example" };
const app = express();

app.get("/bearer", auth({ issuerBaseURL: options.issuer, audience: options.audience }), (req, res) => {
  const subject: string | undefined = req.auth?.payload.sub;
  res.json({ subject });
});

app.get("/countersign", requireToken(options), (req, res) => {
  const subject: string | undefined = claimsOf(req)?.sub;
  res.json({ subject });
});

const middleware = createGuard(options).middleware();
createServer((request, response) =>
  middleware(request, response, () => {
    // @ts-expect-error The package adds nothing to the requests of Node.
    console.log(request.auth);
    response.end(claimsOf(request)?.sub);
  }),
);
