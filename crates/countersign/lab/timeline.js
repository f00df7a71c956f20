// The live history of a session: as a chart, as a list for screen readers, and as the server's record. It shows one of the
// lab's sessions: the one with the newest event, unless the user chooses another.
import { timeOfDay } from "./claims.js";
import { element } from "./dom.js";
import { drawChart } from "./timeline/chart.js";
import { historiesOf, sinceBefore } from "./timeline/histories.js";
import { sentenceOf, wordOf } from "./timeline/kinds.js";
import { createWords } from "./timeline/words.js";

const NEWEST = "newest";

export function mountTimeline(section, lab) {
  const chooser = createChooser(() => show());
  const drawing = element("div", { class: "chart-frame" });
  const list = element("ol", { class: "visually-hidden" });
  const words = createWords(lab);
  const none = element("p", {
    class: "muted",
    text: "No session yet. Open one above, and its events appear here as they happen.",
  });
  const body = element(
    "div",
    { class: "story" },
    element("div", { class: "card stack" }, chooser.node, drawing, list),
    element("div", { class: "card stack" }, element("h3", { text: "The server’s record" }), words.node),
  );
  section.append(none, body);

  const draw = (history) => drawing.replaceChildren(drawChart(history, drawing.clientWidth));
  let shown = null;
  const show = () => {
    const histories = historiesOf(lab.events);
    none.hidden = histories.size > 0;
    body.hidden = histories.size === 0;
    if (histories.size === 0) return;
    shown = chooser.choose(histories, lab.pair?.sessionId);
    draw(shown);
    list.replaceChildren(...shown.events.map((event, index) => item(shown, event, index)));
    words.show(shown);
  };
  lab.addEventListener("event", show);
  new ResizeObserver(() => shown && draw(shown)).observe(drawing);
  show();
}

function item({ events }, event, index) {
  const since = sinceBefore(events, index);
  const facts = [timeOfDay(Date.parse(event.at)), since && `${since} later`, event.device].filter(Boolean);
  return element("li", { text: `${wordOf(event)}: ${sentenceOf(event)} ${facts.join(", ")}.` });
}

function createChooser(onChange) {
  const select = element("select", { id: "story-session", class: "select", on: { change: onChange } });
  const node = element("div", { class: "row" }, element("label", { for: "story-session", text: "Session" }), select);
  return {
    node,
    /** Returns the chosen history. The options are replaced only if they changed, so that an open list stays open. */
    choose(histories, ownId) {
      const chosen = histories.has(select.value) ? select.value : NEWEST;
      const newest = [...histories.values()].at(-1);
      const options = [[NEWEST, `Follow the newest (…${newest.id.slice(-4)})`]];
      for (const history of [...histories.values()].reverse()) options.push([history.id, nameOf(history, ownId)]);
      const before = [...select.options].map(({ value, text }) => [value, text]);
      if (JSON.stringify(before) !== JSON.stringify(options)) {
        select.replaceChildren(...options.map(([value, text]) => element("option", { value, text })));
        select.value = chosen;
      }
      return histories.get(chosen) ?? newest;
    },
  };
}

const nameOf = ({ id, events, generation, isOver }, ownId) =>
  `${id === ownId ? "This page’s session, opened" : "Opened"} ${timeOfDay(Date.parse(events[0].at)) ?? ""}, generation ${generation}, ${isOver ? "ended" : "active"} (…${id.slice(-4)})`;
