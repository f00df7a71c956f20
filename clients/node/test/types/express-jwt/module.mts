// A program with express-jwt, which gives each route its own type of `req.auth`.
import express from "express";
import { expressjwt, type Request as JwtRequest } from "express-jwt";
import { claimsOf, requireToken } from "countersign";

const options = { issuer: "https://id.example", audience: "https://api.example" };
const app = express();

app.get("/jwt", expressjwt({ secret: "x", algorithms: ["HS256"] }), (req: JwtRequest<{ sub: string }>, res) => {
  const subject: string | undefined = req.auth?.sub;
  res.json({ subject });
});

app.get("/countersign", requireToken(options), (req, res) => {
  // @ts-expect-error The package adds nothing to the requests of Express.
  console.log(req.auth);
  const subject: string | undefined = claimsOf(req)?.sub;
  res.json({ subject });
});
