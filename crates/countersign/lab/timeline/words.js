// The server's record of a session, fetched again after each of its events.
import { timeOfDay } from "../claims.js";
import { element } from "../dom.js";
import { ServerUnreachable } from "../server.js";

const SHOWN = 8;
/** Milliseconds to wait, so that several events at the same time cause one fetch. */
const SOON = 150;

export function createWords(lab) {
  const list = element("ol", { class: "words" });
  const earlier = element("ol", { class: "words" });
  const summary = element("summary");
  const folded = element("details", { class: "words-earlier", hidden: true }, summary, earlier);
  const node = element("div", { class: "stack" }, folded, list);
  let wanted = null;
  let timer;

  const ask = async (id) => {
    let lines;
    try {
      lines = await lab.story(id);
    } catch (error) {
      // The next event fetches it again.
      if (error instanceof ServerUnreachable) return;
      throw error;
    }
    if (id !== wanted) return;
    const old = lines.slice(0, -SHOWN);
    folded.hidden = old.length === 0;
    summary.textContent = `${old.length} earlier`;
    earlier.replaceChildren(...old.map(line));
    list.replaceChildren(...lines.slice(-SHOWN).map(line));
  };

  return {
    node,
    show({ id }) {
      wanted = id;
      clearTimeout(timer);
      timer = setTimeout(() => ask(id), SOON);
    },
  };
}

/** Each sentence begins with a UTC time, which the page shows as local time. */
function line(sentence) {
  const [, at, text = sentence] = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC: (.*)$/s.exec(sentence) ?? [];
  const iso = at && `${at.replace(" ", "T")}Z`;
  const time = iso ? element("time", { datetime: iso, text: timeOfDay(Date.parse(iso)) }) : null;
  return element("li", null, time, element("span", { text }));
}
