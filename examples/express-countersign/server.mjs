import express from "express";
import { requireToken } from "countersign";

const { ISSUER: issuer, AUDIENCE: audience, PORT: port } = process.env;
const app = express();

app.get("/protectedRoute", requireToken({ issuer, audience }), (req, res) =>
  res.json({ message: "This is a protected route", user: req.auth }),
);

app.listen(port, (error) => {
  if (error) throw error;
  console.log("listening");
});
