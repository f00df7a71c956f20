// Text of strangers, made fit to be looked at: what cannot be seen, or changes how its surroundings are seen, is spelt out.

/** Controls, marks of writing direction, characters without width, halves of pairs: categories of Unicode. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;
/** Between emoji a joiner is part of one sign. */
const JOINER = "\u200d";

/** At most `most` characters; a line break stays one only when `lines` says so. */
export function visible(text, most, { lines = false } = {}) {
  const cut = text.length > most ? text.slice(0, most) : text;
  const shown = cut.replace(UNSEEN, (character) => (lines && character === "\n") || character === JOINER ? character : spelt(character));
  return cut === text ? shown : `${shown}… (${(text.length - most).toLocaleString("en")} more characters)`;
}

const spelt = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;
