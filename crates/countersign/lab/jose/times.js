// Times in tokens (NumericDate, RFC 7519 §2): reads seconds since 1970, and formats them for display.

/** The largest integer that JSON implementations agree on (RFC 8259 §6). */
const LARGEST = Number.MAX_SAFE_INTEGER;
/** The last time that a JavaScript `Date` can hold, in seconds since 1970. */
const LAST_DATE = 8.64e12;

const DAY = 86_400;
/** Units from a day on are words with a plural; smaller units are symbols without one. */
const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", DAY],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** Whole seconds; null if the value is not a time. Callers treat null as an error, not as a missing claim. */
export function secondsOf(value) {
  return typeof value === "number" && value >= 0 && value <= LARGEST ? Math.floor(value) : null;
}

/** "2026-11-24 17:00:00 UTC"; null after `LAST_DATE`. */
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

/** The amount in the largest unit that fits at least once, rounded down: 1 min 59 s is "1 min". */
function amountOf(seconds) {
  const [unit, size] = UNITS.find(([, length]) => seconds >= length);
  const amount = Math.floor(seconds / size);
  const isPlural = amount !== 1 && size >= DAY;
  return `${amount.toLocaleString("en")} ${unit}${isPlural ? "s" : ""}`;
}
