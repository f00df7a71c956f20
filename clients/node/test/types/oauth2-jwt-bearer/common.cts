// The same as module.mts, for a CommonJS module.
import express = require("express");
import bearer = require("express-oauth2-jwt-bearer");
import countersign = require("countersign");

const app = express();
app.get("/", bearer.auth({ issuerBaseURL: "https://id.example", audience: "api" }), (req, res) => {
  const subject: string | undefined = req.auth?.payload.sub;
  res.json({ subject });
});
app.get("/countersign", countersign.requireToken({ issuer: "https://id.example", audience: "api" }), (req, res) => {
  const subject: string | undefined = countersign.claimsOf(req)?.sub;
  res.json({ subject });
});
