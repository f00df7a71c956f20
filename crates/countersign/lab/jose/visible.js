// Strangers' text, made fit to be looked at: what cannot be seen, or changes how others see it, is spelt out.

/** Signs, such as a family, that are joined to one, whose joiners stay. */
const JOINED = /(?<=\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]?)\u200d(?=\p{Extended_Pictographic})/u;
/** Where a sign that has two looks, such as a heart or a key's number, is told to be the coloured one. */
const COLOURED = /(?<=(?!\p{Emoji_Presentation})\p{Extended_Pictographic})\ufe0f|(?<=[0-9#*])\ufe0f(?=\u20e3)/u;
/**
 * Controls, marks of writing direction, halves of pairs, spaces that are not the usual one, fillers, and what is not
 * drawn by default: by their properties in Unicode. The blank of Braille has none of them.
 */
const UNSEEN = /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;

const SPELT = new RegExp(`(?!${JOINED.source}|${COLOURED.source})${UNSEEN.source}`, "gu");

/** At most `most` characters; a line break stays one only when `lines` says so. */
export function visible(text, most, { lines = false } = {}) {
  const cut = text.length > most ? text.slice(0, most) : text;
  const shown = cut.replace(SPELT, (character) => (lines && character === "\n" ? character : spelt(character)));
  return cut === text ? shown : `${shown}… (${(text.length - most).toLocaleString("en")} more characters)`;
}

const spelt = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;
