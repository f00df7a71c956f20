// A countdown, drawn as a ring with the remaining seconds in it.
import { svg } from "./dom.js";

const RADIUS = 27;
const AROUND = 2 * Math.PI * RADIUS;

/** `update(left, whole)`, in seconds. The ring is hidden from screen readers; the text next to it says the same. */
export function createRing() {
  const circle = (name) => svg("circle", { class: name, cx: 32, cy: 32, r: RADIUS, fill: "none", "stroke-width": 5 });
  const arc = circle("ring-arc");
  arc.setAttribute("stroke-dasharray", AROUND);
  arc.setAttribute("transform", "rotate(-90 32 32)");
  arc.setAttribute("stroke-linecap", "round");
  const digits = svg("text", {
    class: "ring-digits",
    x: 32,
    y: 32,
    "text-anchor": "middle",
    "dominant-baseline": "central",
  });
  const node = svg(
    "svg",
    { class: "ring", viewBox: "0 0 64 64", width: 64, height: 64, aria: { hidden: true } },
    circle("ring-track"),
    arc,
    digits,
  );
  return {
    node,
    update(left, whole) {
      const share = Math.max(0, Math.min(1, left / whole));
      arc.setAttribute("stroke-dashoffset", AROUND * (1 - share));
      arc.setAttribute("visibility", share > 0 ? "visible" : "hidden");
      digits.textContent = left > 0 ? String(Math.ceil(left)) : "0";
      node.dataset.state = left <= 0 ? "over" : left <= whole / 3 ? "soon" : "long";
    },
  };
}
