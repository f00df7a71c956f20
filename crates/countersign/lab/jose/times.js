// Moments as tokens have them (NumericDate, RFC 7519 §2): seconds since 1970, for verifiers and for people.

/** The largest whole number that every JSON implementation reads alike (RFC 8259 §6). */
const LARGEST = Number.MAX_SAFE_INTEGER;
/** What a `Date` of JavaScript can hold, in seconds. */
const LAST_DATE = 8.64e12;

const DAY = 86_400;
/** From a day on they are words, which have a plural. */
const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", DAY],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** Whole seconds, or null for what is no moment: text, too, which is an error and never "no moment given". */
export function secondsOf(value) {
  return typeof value === "number" && value >= 0 && value <= LARGEST ? Math.floor(value) : null;
}

/** "2026-11-24 17:00:00 UTC"; null beyond the calendar. */
export function dateOf(seconds) {
  if (seconds > LAST_DATE) return null;
  return new Date(seconds * 1_000).toISOString().replace("T", " ").replace(".000Z", " UTC");
}

/** "in 12 s", "3 min ago", "now". */
export function distanceOf(seconds, now) {
  const distance = seconds - Math.floor(now);
  if (distance === 0) return "now";
  const words = amountOf(Math.abs(distance));
  return distance > 0 ? `in ${words}` : `${words} ago`;
}

/** The largest unit of which there is a whole one, rounded down: what is "in 2 min" has not passed in 1 min 59 s. */
function amountOf(seconds) {
  const [unit, size] = UNITS.find(([, length]) => seconds >= length);
  const amount = Math.floor(seconds / size);
  const isPlural = amount !== 1 && size >= DAY;
  return `${amount.toLocaleString("en")} ${unit}${isPlural ? "s" : ""}`;
}
