// Makes untrusted text safe to display: characters that are invisible, or that change how other text is displayed, are escaped.

/** A zero-width joiner inside an emoji sequence, such as a family. It is not escaped. */
const JOINED = /(?<=\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]?)\u200d(?=\p{Extended_Pictographic})/u;
/** A variation selector after a character with two forms, such as a heart or a keycap. It is not escaped. */
const COLOURED = /(?<=(?!\p{Emoji_Presentation})\p{Extended_Pictographic})\ufe0f|(?<=[0-9#*])\ufe0f(?=\u20e3)/u;
/**
 * Control and format characters, direction marks, unpaired surrogates, private-use characters, unusual spaces, fillers and
 * default-ignorable characters, by their Unicode properties. The Braille blank (U+2800) has none of these properties.
 */
const UNSEEN = /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;

const SPELT = new RegExp(`(?!${JOINED.source}|${COLOURED.source})${UNSEEN.source}`, "gu");

/** At most `most` characters of the text, escaped. Line breaks are kept only if `lines` is true. */
export function visible(text, most, { lines = false } = {}) {
  const cut = text.length > most ? text.slice(0, most) : text;
  const shown = cut.replace(SPELT, (character) => (lines && character === "\n" ? character : spelt(character)));
  return cut === text ? shown : `${shown}… (${(text.length - most).toLocaleString("en")} more characters)`;
}

const spelt = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;
