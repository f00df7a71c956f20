// Where a token is pasted. What is too long for a token never gets into the field: browsers lay out a megabyte slowly.
import { element } from "../dom.js";
import { LONGEST_TEXT } from "../jose/jwt.js";

const PAUSE = 150;

/** A text field for what strangers wrote; `onText` is called when somebody pauses, `onTooLong` with the length. */
export function createSecretField({ longest, onText, onTooLong, ...attributes }) {
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(onText, PAUSE);
  };
  const keepOut = (text, event) => {
    if (!text || text.length <= longest) return;
    event.preventDefault();
    onTooLong(text.length);
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
    on: {
      input: later,
      paste: (event) => keepOut(event.clipboardData?.getData("text"), event),
      drop: (event) => keepOut(event.dataTransfer?.getData("text"), event),
    },
  });
}

export const tooLong = (length) =>
  `That had ${length.toLocaleString("en")} characters, far more than any token, so it was not put in.`;

export function createField(lab, onText) {
  const note = element("p", { id: "inspector-note", class: "inspector-note" });
  const area = createSecretField({
    longest: LONGEST_TEXT,
    onText,
    onTooLong: (length) => (note.textContent = tooLong(length)),
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
