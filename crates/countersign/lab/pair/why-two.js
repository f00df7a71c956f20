// A table that compares the access token with the refresh token.
import { element } from "../dom.js";

const ROWS = [
  ["Sent to", "every API", "only this server"],
  ["Verified by", "any API, with the published key", "this server, with its database"],
  ["Valid for", "30 s here, 15 min usually", "one exchange, within days"],
  ["If it is stolen", "usable until it expires", "detected when both holders have used it; then the session is revoked"],
  ["After a sign-out", "valid until it expires", "rejected at once"],
];

export function createWhyTwo() {
  const head = ["Access token", "Refresh token"].map((text) => element("th", { scope: "col", text }));
  const rows = ROWS.map(([question, access, refresh]) =>
    element(
      "tr",
      null,
      element("th", { scope: "row", text: question }),
      element("td", { text: access }),
      element("td", { text: refresh }),
    ),
  );
  return element(
    "article",
    { class: "card why-two", aria: { labelledby: "why-title" } },
    element("h3", { id: "why-title", text: "Why two tokens?" }),
    element(
      "table",
      null,
      element("thead", null, element("tr", null, element("td"), head)),
      element("tbody", null, rows),
    ),
  );
}
