// The kinds of events of a session, each with a word, a sentence and a mark. Marks differ in shape as well as in colour.

const REASONS = new Map([
  ["signed_out", "signed out"],
  ["ended_by_user", "by its user"],
  ["ended_by_admin", "by an administrator"],
]);

/** `mark`: an SVG path around 0,0. `ends`: whether the event ends the session. */
const KINDS = {
  opened: {
    mark: "M0-8A8 8 0 1 0 0 8A8 8 0 1 0 0-8Z",
    tone: "accent",
    say: () => "The session was opened, at generation 0.",
  },
  rotated: {
    mark: "M0-9L8.5 7H-8.5Z",
    tone: "good",
    say: ({ presented, generation }) => `Generation ${presented} was exchanged for generation ${generation}.`,
  },
  recovered: {
    mark: "M0-9L9 0 0 9-9 0Z",
    tone: "warn",
    say: ({ presented, generation }) => `Generation ${presented} was presented late, and was exchanged for generation ${generation}.`,
  },
  caught_up: {
    mark: "M0-9L8.5 0H4V8H-4V0H-8.5Z",
    tone: "warn",
    say: ({ presented, generation }) =>
      `Generation ${presented} was newer than the database, which was updated to generation ${generation}.`,
  },
  replayed: {
    mark: "M-7.5-7.5H7.5V7.5H-7.5ZM-3.5-3.5V3.5H3.5V-3.5Z",
    tone: "warn",
    say: ({ presented, generation }) =>
      `Generation ${presented} was presented again within the grace period, and generation ${generation} was returned again.`,
  },
  expired: {
    mark: "M-7-8H7L0 0 7 8H-7L0 0Z",
    tone: "muted",
    say: () => "A token was presented after the session expired, and rejected.",
    ends: true,
  },
  reused: {
    mark: "M-9-5.5-5.5-9 0-3.5 5.5-9 9-5.5 3.5 0 9 5.5 5.5 9 0 3.5-5.5 9-9 5.5-3.5 0Z",
    tone: "bad",
    say: ({ presented }) =>
      `Generation ${presented} was presented again after the grace period, so the session was revoked.`,
    ends: true,
  },
  revoked: {
    mark: "M-4-9H4L9-4V4L4 9H-4L-9 4V-4ZM-5-2V2H5V-2Z",
    tone: "bad",
    say: ({ reason }) => `The session was revoked (${reasonText(reason)}).`,
    ends: true,
  },
  gap: {
    mark: "M-9-2.5H-4V2.5H-9ZM-2.5-2.5H2.5V2.5H-2.5ZM4-2.5H9V2.5H4Z",
    tone: "muted",
    say: () => "Earlier events are no longer available here; the server’s record still contains them.",
  },
};

export const markOf = ({ event }) => KINDS[event].mark;
export const toneOf = ({ event }) => KINDS[event].tone;
export const wordOf = ({ event }) => event.replace("_", " ");
export const sentenceOf = (event) => KINDS[event.event].say(event);
export const ends = ({ event }) => KINDS[event].ends === true;

/** A short form: which generation was exchanged for which, or why the session ended. */
export function briefOf({ event, presented, generation, reason }) {
  if (event === "gap") return "not available";
  if (event === "revoked") return reasonText(reason);
  if (event === "reused") return `generation ${presented}`;
  if (Number.isInteger(presented) && presented !== generation) return `${presented} → ${generation}`;
  return `generation ${generation}`;
}

export const reasonText = (reason = "ended") => REASONS.get(reason) ?? reason.replaceAll("_", " ");
