// Creates the page's DOM nodes. No script parses markup: the page's Content-Security-Policy forbids it (Trusted Types), and
// the page shows tokens from untrusted sources.

const SVG = "http://www.w3.org/2000/svg";

/**
 * `properties`: `class`, `text`, `value`, `checked`, `on: { click }`, `data: { kind }`, `aria: { live }`,
 * `style: { "--part": value }`; all others become attributes. Values that are false, null or undefined are skipped.
 */
export function element(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** Announces a text to screen readers. Two equal texts in a row are announced twice. */
export function announce(text) {
  const region = document.getElementById("announcements");
  region?.replaceChildren(element("p", { text }));
}

/** A button that copies the text that `read` returns, and shows whether copying worked. */
export function copyButton(read, { label = "Copy", what = "the line" } = {}) {
  const button = element("button", {
    type: "button",
    class: "button quiet copy",
    text: label,
    aria: { label: `${label}: ${what}` },
  });
  const say = (word, sentence) => {
    button.textContent = word;
    announce(sentence);
    setTimeout(() => (button.textContent = label), 2_000);
  };
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(read());
      say("Copied", `Copied ${what}.`);
    } catch {
      say("Not copied", "The browser does not allow this page to copy. Select the text and copy it yourself.");
    }
  });
  return button;
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    set(node, name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function set(node, name, value) {
  if (name === "text") node.textContent = value;
  else if (name === "value" || name === "checked") node[name] = value;
  else if (name === "on") each(value, (type, listener) => node.addEventListener(type, listener));
  else if (name === "data") each(value, (key, text) => (node.dataset[key] = text));
  else if (name === "aria") each(value, (key, text) => node.setAttribute(`aria-${key}`, text));
  else if (name === "style") each(value, (property, text) => node.style.setProperty(property, text));
  else node.setAttribute(name, value === true ? "" : value);
}

function each(object, visit) {
  for (const [key, value] of Object.entries(object)) {
    if (value !== null && value !== undefined) visit(key, value);
  }
}
