// Sorts the server's events by session.
import { ends } from "./kinds.js";

/** Session → `{ id, events, generation, isOver }`, the one in which something happened last at the end. */
export function historiesOf(events) {
  const histories = new Map();
  const gaps = [];
  for (const event of events) {
    const id = event.session_id;
    if (!id) {
      gaps.push(event);
      for (const history of histories.values()) history.events.push(event);
      continue;
    }
    const history = histories.get(id) ?? { id, events: gaps.slice(-1), generation: 0, isOver: false };
    history.events.push(event);
    history.generation = Math.max(history.generation, event.generation ?? 0);
    history.isOver ||= ends(event);
    histories.delete(id);
    histories.set(id, history);
  }
  return histories;
}

/** Seconds since the event before, as short text; nothing for the first. */
export function sinceBefore(events, index) {
  if (index === 0) return "";
  const seconds = (Date.parse(events[index].at) - Date.parse(events[index - 1].at)) / 1_000;
  if (!(seconds >= 0)) return "";
  if (seconds < 10) return `+${seconds.toFixed(1)} s`;
  return seconds < 120 ? `+${Math.round(seconds)} s` : `+${Math.round(seconds / 60)} min`;
}
