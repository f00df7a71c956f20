// The fields for tokens and keys. They reject text that is too long or has too many unusual characters, because browsers
// take minutes to lay out a megabyte, or about ten thousand line breaks.
import { announce, element } from "../dom.js";
import { LONGEST_TEXT } from "../jose/jwt.js";

/** Milliseconds after the last keystroke until the text is read. */
const PAUSE = 150;
/** Maximum number of line breaks, control and non-ASCII characters. Tokens and keys have few, and each is slow to lay out. */
const MOST_UNUSUAL = 4_000;
const UNUSUAL = /[^ -~]/g;

/** A text area. It calls `onText` when the user stops typing, and `onRefused` with a sentence when it rejects an input. */
export function createSecretField({ longest, onText, onRefused, ...attributes }) {
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(onText, PAUSE);
  };
  const keepOut = (event) => {
    const why = whyNot(event.data ?? event.dataTransfer?.getData("text/plain") ?? "", longest);
    if (!why) return;
    event.preventDefault();
    onRefused(why);
    announce(why);
  };
  return element("textarea", {
    class: "token inspector-field",
    maxlength: longest,
    dir: "ltr",
    // Spelling checkers and similar features may send the text to a third party; `autocomplete` may restore it after a reload.
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    autocorrect: "off",
    translate: "no",
    ...attributes,
    on: { input: later, beforeinput: keepOut },
  });
}

/** Why the field rejects the text, as a sentence; null if it does not. */
function whyNot(text, longest) {
  const length = text.length.toLocaleString("en");
  if (text.length > longest) return `The field rejected the text: ${length} characters are too many.`;
  const isUnusual = (text.match(UNUSUAL)?.length ?? 0) > MOST_UNUSUAL;
  return isUnusual ? "The field rejected the text: it has too many line breaks or non-ASCII characters for a token or a key." : null;
}

export function createField(lab, onText) {
  const note = element("p", { id: "inspector-note", class: "inspector-note" });
  const area = createSecretField({
    longest: LONGEST_TEXT,
    onText,
    onRefused: (why) => (note.textContent = why),
    id: "inspector-token",
    rows: 5,
    placeholder: "eyJ…",
    aria: { describedby: "inspector-note" },
  });
  const fill = (text) => {
    area.value = text;
    onText();
  };
  const button = (text, click) => element("button", { type: "button", class: "button", text, on: { click } });
  const access = button("Use this page’s access token", () => fill(lab.pair.accessToken));
  const refresh = button("Use its refresh token", () => fill(lab.pair.refreshToken));
  const empty = button("Clear the field", () => {
    fill("");
    area.focus();
  });
  empty.hidden = true;
  const update = () => [access, refresh].forEach((take) => (take.disabled = !lab.pair));
  lab.addEventListener("change", update);
  update();
  return {
    node: element(
      "div",
      { class: "card stack inspector-input" },
      element("label", { for: "inspector-token", text: "A token, an Authorization header, or a curl command with a token" }),
      area,
      note,
      element("div", { class: "row" }, access, refresh, empty),
    ),
    get text() {
      return area.value;
    },
    show({ kind, note: text }) {
      if (kind === "private-key" || kind === "too-long") area.value = "";
      note.textContent = text ?? "";
      empty.hidden = area.value === "";
    },
    /** Fills the field with a token from another section of the page, and scrolls to it. */
    fill(text) {
      fill(text);
      area.scrollIntoView({ block: "center" });
      area.focus({ preventScroll: true });
    },
  };
}
