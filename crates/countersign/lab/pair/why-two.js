// Why there are two: what each of them is for, side by side.
import { element } from "../dom.js";

const ROWS = [
  ["Goes to", "every API", "this server alone"],
  ["Checked by", "anyone, with the published key", "this server, against its database"],
  ["Good for", "30 s here, 15 min usually", "one exchange, within days"],
  ["If it is stolen", "of use until it expires", "noticed as soon as both holders have used it; then it ends for both"],
  ["After signing out", "runs out by itself", "refused at once"],
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
    element("h3", { id: "why-title", text: "Why two?" }),
    element(
      "table",
      null,
      element("thead", null, element("tr", null, element("td"), head)),
      element("tbody", null, rows),
    ),
  );
}
