// Sorts the server's events by session.
import { ends } from "./kinds.js";

/**
 * Session → `{ id, events, generation, isOver }`, the one in which something happened last at the end. A gap is in the
 * history of every session in which it may hide something.
 */
export function historiesOf(events) {
  const histories = new Map();
  let gap = [];
  for (const event of events) {
    const id = event.session_id;
    if (!id) {
      gap = [event];
      for (const history of histories.values()) if (!history.isOver) history.events.push(event);
      continue;
    }
    const history = histories.get(id) ?? {
      id,
      events: event.event === "opened" ? [] : [...gap],
      generation: 0,
      isOver: false,
    };
    history.events.push(event);
    history.generation = Math.max(history.generation, event.generation ?? 0);
    history.isOver ||= ends(event);
    histories.delete(id);
    histories.set(id, history);
  }
  return histories;
}

/** The time since the event before, as short text; nothing for the first. */
export function sinceBefore(events, index) {
  if (index === 0) return "";
  const milliseconds = Date.parse(events[index].at) - Date.parse(events[index - 1].at);
  // Some of what happened is heard of a moment late, so that the order may not be that of the clock.
  if (milliseconds < 0) return "";
  if (milliseconds < 100) return `${milliseconds} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
