// Strangers' text, made fit to be looked at: what cannot be seen, or changes how others see it, is spelt out.

/** Controls, marks of writing direction, characters without width, halves of pairs: by their categories in Unicode. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;
/** Joined signs, such as a family, are one sign, whose joiners stay. */
const JOINED = /(?<=\p{Emoji}\ufe0f?)\u200d(?=\p{Extended_Pictographic})/u;
const JOINER = "\u200d";

/** At most `most` characters; a line break stays one only when `lines` says so. */
export function visible(text, most, { lines = false } = {}) {
  const cut = text.length > most ? text.slice(0, most) : text;
  const shown = cut.replace(UNSEEN, (character, at) => {
    const isJoiner = character === JOINER && JOINED.test(cut.slice(Math.max(0, at - 3), at + 3));
    return isJoiner || (lines && character === "\n") ? character : spelt(character);
  });
  return cut === text ? shown : `${shown}… (${(text.length - most).toLocaleString("en")} more characters)`;
}

const spelt = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;
