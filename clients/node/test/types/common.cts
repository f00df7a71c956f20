// Uses the package as a CommonJS module does.
import express = require("express");
import countersign = require("countersign/express");

const { requireToken, createGuard, Refusal } = countersign;

const app = express();
app.get("/", requireToken({ issuer: "https://id.example", audience: "api" }), (req, res) => {
  res.json({ user: req.auth?.username });
});

const guard: countersign.Guard = createGuard({ issuer: "https://id.example", audience: "api" });
guard.verify("token").catch((error: unknown) => error instanceof Refusal && error.code === "expired");
guard.ready().then(() => console.log(guard.status().revocations?.behind));
