// Groups the server's events by session.
import { ends } from "./kinds.js";

/**
 * Session ID → `{ id, events, generation, isOver }`, ordered by the newest event. A gap means that the server no longer has
 * some events; it is added to every history that may miss one of them.
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

/** The time since the previous event, as short text; empty for the first event. */
export function sinceBefore(events, index) {
  if (index === 0) return "";
  const milliseconds = Date.parse(events[index].at) - Date.parse(events[index - 1].at);
  // Some events arrive late, so the order of events may differ from the order of their times.
  if (milliseconds < 0) return "";
  if (milliseconds < 100) return `${milliseconds} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
