// Draws a session as what it is, a counter: each refresh is a step up, and a token that comes again starts lower.
import { timeOfDay } from "../claims.js";
import { svg } from "../dom.js";
import { sinceBefore } from "./histories.js";
import { briefOf, ends, markOf, toneOf, wordOf } from "./kinds.js";

const WIDE = 560;
const SLOT = 108;
const MARGIN = { left: 84, right: 36, top: 24 };
const CLIMB = 132;
const STEEPEST = 32;
const LINE = 17;
const ROW = 76;
const MOST_ROWS = 8;

/** The last events that fit, from left to right, or from top to bottom where there is little room. */
export function drawChart(history, width) {
  return width >= WIDE ? drawAcross(history, width) : drawDown(history, width);
}

function drawAcross({ events, isOver }, width) {
  const fit = Math.max(2, Math.floor((width - MARGIN.left - MARGIN.right) / SLOT));
  const shown = events.slice(-fit);
  const levels = shown.map(({ generation, event }, index) => (event === "gap" ? levelAround(shown, index) : generation));
  const low = Math.min(...levels, ...presentedIn(shown));
  const high = Math.max(...levels);
  const step = Math.min(STEEPEST, CLIMB / Math.max(1, high - low));
  const floor = MARGIN.top + Math.max(2, high - low) * Math.min(step, STEEPEST);
  const x = (index) => MARGIN.left + (index + 0.25) * SLOT;
  const y = (generation) => floor - (generation - low) * step;
  const end = isOver ? x(shown.length - 1) : Math.min(x(shown.length - 1) + SLOT * 0.75, width - 8);
  const height = floor + 28 + 4 * LINE;
  return picture(width, height, [
    grid({ low, high, y, width }),
    stairs(levels, x, y, end),
    isOver ? null : svg("text", { class: "chart-live", x: end, y: y(levels.at(-1)) - 10, "text-anchor": "end", text: "live" }),
    shown.map((event, index) => {
      const from = isBelow(event) ? event.presented : levels[index];
      return svg("g", { class: `tone-${toneOf(event)}`, transform: `translate(${x(index)} 0)` }, [
        from === levels[index] ? null : svg("path", { class: "chart-reach", d: `M0 ${y(from) - 11}V${y(levels[index]) + 1}` }),
        mark(event, 0, y(from)),
        labels(event, sinceBefore(events, events.length - shown.length + index), floor + 34),
      ]);
    }),
  ]);
}

/** Where a gap is, nothing is known; it is drawn at the height of what is beside it. */
const levelAround = (events, index) => (events[index + 1] ?? events[index - 1] ?? {}).generation ?? 0;

/** A token that came again is marked at its own generation, below the session's. */
const isBelow = ({ event, presented }) => (event === "replayed" || event === "reused") && presented !== undefined;
const presentedIn = (events) => events.filter(isBelow).map(({ presented }) => presented);

function grid({ low, high, y, width }) {
  const every = Math.ceil((high - low + 1) / 6);
  const levels = Array.from({ length: high - low + 1 }, (_, index) => low + index).filter((level) => (level - low) % every === 0);
  return levels.map((level) => [
    svg("path", { class: "chart-grid", d: `M${MARGIN.left - 12} ${y(level)}H${width}` }),
    svg("text", { class: "chart-level", x: MARGIN.left - 20, y: y(level), "text-anchor": "end", "dominant-baseline": "central", text: level === low ? `generation ${level}` : String(level) }),
  ]);
}

function stairs(levels, x, y, end) {
  const steps = levels.map((level, index) => (index === 0 ? `M${x(0)} ${y(level)}` : `H${x(index)}V${y(level)}`));
  return svg("path", { class: "chart-stairs", d: `${steps.join("")}H${end}` });
}

function labels(event, since, top) {
  const line = (name, index, text) => svg("text", { class: name, y: top + index * LINE, "text-anchor": "middle", text });
  return [
    line("chart-word", 0, wordOf(event)),
    line("chart-brief", 1, briefOf(event)),
    line("chart-brief", 2, `${timeOfDay(Date.parse(event.at)) ?? ""}`),
    line("chart-brief", 3, [since].join("")),
  ];
}

function drawDown({ events, isOver }, width) {
  const shown = events.slice(-MOST_ROWS);
  const y = (index) => 16 + index * ROW;
  const bottom = y(shown.length - 1) + (isOver ? 0 : ROW * 0.6);
  const facts = (event, index) =>
    [timeOfDay(Date.parse(event.at)), sinceBefore(events, events.length - shown.length + index)].filter(Boolean).join(" · ");
  return picture(width, bottom + 24, [
    svg("path", { class: "chart-stairs", d: `M14 ${y(0)}V${bottom}` }),
    isOver ? null : svg("text", { class: "chart-live", x: 36, y: bottom + 4, text: "live" }),
    shown.map((event, index) =>
      svg("g", { class: `tone-${toneOf(event)}`, transform: `translate(0 ${y(index)})` }, [
        mark(event, 14, 0),
        svg("text", { class: "chart-word", x: 36, y: 5, text: wordOf(event) }),
        svg("text", { class: "chart-brief", x: 36, y: 5 + LINE, text: `${briefOf(event)} · ${facts(event, index)}` }),
        svg("text", { class: "chart-brief", x: 36, y: 5 + 2 * LINE, text: event.device ?? "" }),
      ]),
    ),
  ]);
}

const mark = (event, x, y) => svg("path", { class: "chart-mark", d: markOf(event), transform: `translate(${x} ${y})`, "fill-rule": "evenodd" });

const picture = (width, height, children) =>
  svg("svg", { class: "chart", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", aria: { label: "Drawn as a timeline; the same stands in the list that follows." } }, children);
