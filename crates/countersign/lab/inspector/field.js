// Where tokens and keys are pasted. What cannot be one never gets into a field: browsers take minutes to lay out a
// megabyte, or some ten thousand line breaks.
import { announce, element } from "../dom.js";
import { LONGEST_TEXT } from "../jose/jwt.js";

/** Milliseconds without a keystroke, after which the text is read. */
const PAUSE = 150;
/** Line breaks and characters beyond ASCII. Tokens and keys have hardly any, and each is slow to lay out. */
const MOST_UNUSUAL = 4_000;
const UNUSUAL = /[^ -~]/g;

/** A text area; `onText` is called when somebody pauses, `onRefused` with a sentence on what was not put in. */
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
    // Spelling and other help may send the text to somebody, and `autocomplete` may bring it back after a reload.
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    autocorrect: "off",
    translate: "no",
    ...attributes,
    on: { input: later, beforeinput: keepOut },
  });
}

/** A sentence, or null. */
function whyNot(text, longest) {
  const length = text.length.toLocaleString("en");
  if (text.length > longest) return `That had ${length} characters, too many to be read. It was not put in.`;
  const isUnusual = (text.match(UNUSUAL)?.length ?? 0) > MOST_UNUSUAL;
  return isUnusual ? "That was made of line breaks or letters that tokens and keys do not have. It was not put in." : null;
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
  const access = button("Take this page’s access token", () => fill(lab.pair.accessToken));
  const refresh = button("Take its refresh token", () => fill(lab.pair.refreshToken));
  const empty = button("Empty the field", () => {
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
      element("label", { for: "inspector-token", text: "A token, an Authorization header, or a curl line with one" }),
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
    /** For a token from elsewhere on the page. */
    fill(text) {
      fill(text);
      area.scrollIntoView({ block: "center" });
      area.focus({ preventScroll: true });
    },
  };
}
