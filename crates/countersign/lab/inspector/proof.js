// The card that verifies the signature, with the keys that this server publishes or with a key that the user pastes.
import { element } from "../dom.js";
import { LONGEST_KEYS, readKeys } from "../jose/keys.js";
import { verify } from "../jose/verify.js";
import { visible } from "../jose/visible.js";
import { PublishedKeys } from "../pair/published-keys.js";
import { ServerUnreachable } from "../server.js";
import { createSecretField } from "./field.js";

const OUTCOMES = {
  "verified": ["good", "verified"],
  "wrong": ["bad", "invalid"],
  "unsigned": ["bad", "not signed"],
  "no-key": ["warn", "not verified"],
  "unsupported": ["warn", "not verified"],
};
/** The maximum number of keys that are listed, and of characters of one key ID. */
const MOST = { keys: 10, name: 64 };

export function createProof(lab, onChange) {
  const published = new PublishedKeys(lab.server);
  const pasted = createPasted(onChange);
  const choice = createChoice(pasted, onChange);
  const outcome = element("p", { class: "inspector-outcome" });
  const known = element("div", { class: "muted inspector-keys" });
  const verifiable = element("div", { class: "stack" }, choice.node, known, outcome);
  const opaque = element("p", { text: OPAQUE });
  const node = element(
    "div",
    { class: "card stack inspector-proof" },
    element("h3", { text: "What a signature proves" }),
    element("p", { class: "muted", text: "A signature proves who wrote the token, and that it has not changed since. It does not prove that the token is still valid." }),
    verifiable,
    opaque,
  );

  async function keysFor({ header }) {
    if (choice.isPasted) return pasted.read();
    try {
      return { keys: await published.with(header?.kid), problems: [] };
    } catch (error) {
      if (!(error instanceof ServerUnreachable)) throw error;
      return { keys: [], problems: [{ text: "The server did not respond, so its keys are not known. Check that it is still running." }] };
    }
  }

  return {
    node,
    /** `{ keys, verification, expected }` for `checksOf`, and `remark`, an important message about the key, if there is one. */
    async of(decoded) {
      verifiable.hidden = false;
      opaque.hidden = true;
      const { keys, problems, remark } = await keysFor(decoded);
      const verification = await verify(decoded, keys);
      known.replaceChildren(...describe(keys, problems));
      outcome.replaceChildren(...tell(verification));
      const { issuer, audience = issuer } = lab.server.setup;
      return { keys, verification, expected: choice.isPasted ? null : { issuer, audience }, remark };
    },
    showRefreshToken() {
      verifiable.hidden = true;
      opaque.hidden = false;
    },
  };
}

function createChoice(pasted, onChange) {
  const option = (value, text, checked) => {
    const input = element("input", { type: "radio", name: "inspector-keys", value, checked, on: { change: update } });
    return { input, label: element("label", { class: "inspector-option" }, input, ` ${text}`) };
  };
  const own = option("published", "The keys that this server publishes", true);
  const other = option("pasted", "A key that I paste", false);
  function update() {
    pasted.node.hidden = !other.input.checked;
    onChange();
  }
  pasted.node.hidden = true;
  return {
    node: element("fieldset", { class: "stack" }, element("legend", { text: "Verify it with" }), own.label, other.label, pasted.node),
    get isPasted() {
      return other.input.checked;
    },
  };
}

function createPasted(onText) {
  const note = element("p", { id: "inspector-key-note" });
  const area = createSecretField({
    longest: LONGEST_KEYS,
    onText: () => {
      note.textContent = "";
      onText();
    },
    onRefused: (why) => (note.textContent = why),
    id: "inspector-key",
    rows: 4,
    aria: { describedby: "inspector-key-note inspector-key-help" },
  });
  const help = "A public key as JWK, JWK Set or PEM. For HS256, the secret as a JWK with \"kty\": \"oct\".";
  return {
    node: element(
      "div",
      { class: "stack" },
      element("label", { for: "inspector-key", text: "Key" }),
      area,
      element("p", { id: "inspector-key-help", class: "muted", text: help }),
      note,
    ),
    read() {
      const read = readKeys(area.value);
      const secret = read.problems.find(({ code }) => code === "private-key");
      if (!secret) return read;
      area.value = "";
      note.textContent = `${secret.text} The field was cleared.`;
      return { keys: [], problems: [], remark: note.textContent };
    },
  };
}

function describe(keys, problems) {
  const names = keys.slice(0, MOST.keys).map(({ kid, algs }) => {
    const name = kid === undefined ? "no key ID" : visible(kid, MOST.name);
    return element("li", null, `${algs.join(" or ")}, `, element("bdi", { class: "token", text: name }));
  });
  const rest = keys.length - names.length;
  if (rest > 0) names.push(element("li", { text: `and ${rest} more` }));
  return [
    ...problems.map(({ text }) => element("p", { text })),
    names.length > 0 ? element("ul", { aria: { label: "Known keys" } }, names) : "",
  ];
}

function tell({ outcome, why }) {
  const [tone, word] = OUTCOMES[outcome];
  return [element("span", { class: `badge ${tone}`, text: word }), ` ${why}`];
}

const OPAQUE =
  "A refresh token has no signature. It has a MAC, made with a key that never leaves the server. Only the server can tell " +
  "whether the token is genuine, and whether it is already spent.";
