// Draws a session as a chart of its generation: each refresh is a step up, and a spent token that is presented again is
// marked at its own, lower generation.
import { timeOfDay } from "../claims.js";
import { svg } from "../dom.js";
import { sinceBefore } from "./histories.js";
import { briefOf, markOf, toneOf, wordOf } from "./kinds.js";

/** Pixels. A narrower chart runs from top to bottom. */
const WIDE = 520;
const SLOT = { least: 100, most: 164 };
const MARGIN = { left: 44, right: 40, top: 44 };
const CLIMB = 132;
const STEEPEST = 34;
const LINE = 17;
const ROW = 84;
const MOST_ROWS = 8;
const MOST_LEVELS = 6;

/** Draws the last events that fit, from left to right, or from top to bottom if the chart is narrow. */
export function drawChart(history, width) {
  return width >= WIDE ? drawAcross(history, width) : drawDown(history, width);
}

function drawAcross({ events, isOver }, width) {
  const room = width - MARGIN.left - MARGIN.right;
  const shown = events.slice(-Math.floor(room / SLOT.least));
  const slot = Math.min(SLOT.most, room / shown.length);
  const levels = shown.map((event, index) => event.generation ?? adjacentLevel(shown, index));
  const low = Math.min(...levels, ...shown.filter(isBelow).map(({ presented }) => presented));
  const rise = Math.max(2, Math.max(...levels) - low);
  const step = Math.min(STEEPEST, CLIMB / rise);
  const floor = MARGIN.top + rise * step;
  const x = (index) => MARGIN.left + (index + 0.5) * slot;
  const y = (generation) => floor - (generation - low) * step;
  const end = isOver ? x(shown.length - 1) : x(shown.length - 1) + slot / 2;
  const texts = shown.map((_, index) => linesOf(events, events.length - shown.length + index));
  return picture(width, floor + 24 + LINE * Math.max(...texts.map(({ length }) => length)), [
    grid({ low, rise, y, width }),
    stairs(levels, x, y, { start: shown.length < events.length ? MARGIN.left - 16 : x(0), end }),
    shown.length < events.length
      ? svg("text", { class: "chart-level", x: width, y: 14, "text-anchor": "end", text: earlier(events, shown) })
      : null,
    state(isOver, end + (isOver ? 16 : 8), y(levels.at(-1))),
    shown.map((event, index) => {
      const own = isBelow(event) ? event.presented : levels[index];
      return svg(
        "g",
        { class: `tone-${toneOf(event)}`, transform: `translate(${x(index)} 0)` },
        own === levels[index]
          ? null
          : svg("path", { class: "chart-reach", d: `M0 ${y(own) - 11}V${y(levels[index]) + 2}` }),
        mark(event, 0, y(own)),
        textLines(texts[index], floor + 36, { "text-anchor": "middle" }),
      );
    }),
  ]);
}

/** For an event without a generation, such as a gap, the line continues at the generation of the next event or the one before. */
const adjacentLevel = (events, index) => (events[index + 1] ?? events[index - 1])?.generation ?? 0;

/** A spent token that was presented again is marked at its own generation, below the session's. */
const isBelow = ({ event, presented }) => (event === "replayed" || event === "reused") && Number.isInteger(presented);

function grid({ low, rise, y, width }) {
  const every = Math.ceil((rise + 1) / MOST_LEVELS);
  const levels = Array.from({ length: Math.floor(rise / every) + 1 }, (_, index) => low + index * every);
  return [
    svg("text", { class: "chart-level", x: 0, y: 14, text: "generation" }),
    levels.map((level) => [
      svg("path", { class: "chart-grid", d: `M${MARGIN.left - 16} ${y(level)}H${width}` }),
      svg("text", {
        class: "chart-level",
        x: MARGIN.left - 24,
        y: y(level),
        "text-anchor": "end",
        "dominant-baseline": "central",
        text: String(level),
      }),
    ]),
  ];
}

/** The line starts at the left edge if there are earlier events. */
function stairs(levels, x, y, { start, end }) {
  const steps = levels.map((level, index) => (index === 0 ? `M${start} ${y(level)}` : `H${x(index)}V${y(level)}`));
  return svg("path", { class: "chart-stairs", d: `${steps.join("")}H${end}` });
}

/** Includes the device if it differs from that of the previous event. */
function linesOf(events, index) {
  const event = events[index];
  const device = event.device !== events[index - 1]?.device ? event.device : null;
  const since = sinceBefore(events, index);
  return [wordOf(event), briefOf(event), timeOfDay(Date.parse(event.at)), since && `+${since}`, device].filter(Boolean);
}

const earlier = (events, shown) => `${events.length - shown.length} earlier`;

const textLines = (lines, top, attributes) =>
  lines.map((text, index) =>
    svg("text", { class: index === 0 ? "chart-word" : "chart-brief", y: top + index * LINE, text, ...attributes }),
  );

function drawDown({ events, isOver }, width) {
  const shown = events.slice(-MOST_ROWS);
  const isCut = shown.length < events.length;
  const y = (index) => (isCut ? 56 : 16) + index * ROW;
  const bottom = y(shown.length - 1) + (isOver ? 0 : ROW);
  return picture(width, y(shown.length - 1) + ROW, [
    svg("path", { class: "chart-stairs", d: `M14 ${isCut ? 0 : y(0)}V${bottom}` }),
    isCut ? svg("text", { class: "chart-level", x: 38, y: 14, text: earlier(events, shown) }) : null,
    // Half a line above the edge, so that the word is not cut off.
    state(isOver, 38, y(shown.length - 1) + ROW - LINE / 2),
    shown.map((event, index) => {
      const [word, brief, ...rest] = linesOf(events, events.length - shown.length + index);
      const lines = [word, brief, rest.join(" · ")];
      return svg(
        "g",
        { class: `tone-${toneOf(event)}`, transform: `translate(0 ${y(index)})` },
        mark(event, 14, 0),
        textLines(lines, 5, { x: 38 }),
      );
    }),
  ]);
}

const state = (isOver, x, y) =>
  svg("text", {
    class: `chart-state tone-${isOver ? "bad" : "good"}`,
    x,
    y,
    "dominant-baseline": "central",
    text: isOver ? "ended" : "active",
  });

const mark = (event, x, y) =>
  svg(
    "g",
    { transform: `translate(${x} ${y})` },
    svg("circle", { class: "chart-halo", r: 12 }),
    svg("path", { class: "chart-mark", d: markOf(event), "fill-rule": "evenodd" }),
  );

const picture = (width, height, children) =>
  svg(
    "svg",
    {
      class: "chart",
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      aria: { label: "The session as a timeline. The following list has the same content." },
    },
    children,
  );
