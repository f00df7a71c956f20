// Very large inputs to the inspector: the page stays responsive and shows what is wrong with the text.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, describe, test } from "node:test";
import { inspectorField, openSession, paste } from "../support/acts.mjs";
import { Stage } from "../support/stage.mjs";

const MEGABYTE = 1_000_000;
/** The maximum length of the field, so that all of the text is read. */
const FULL = 64 * 1024;
/** Milliseconds. Far more than a responsive page needs, so that only a frozen page fails. */
const ANSWERS_WITHIN = 10_000;

const encode = (text) => Buffer.from(text).toString("base64url");
const HEADER = encode('{"alg":"ES256","typ":"at+jwt"}');
const token = (claims) => `${HEADER}.${encode(claims)}.${"A".repeat(86)}`;

/** Functions that return a text of about `size` characters. */
const MONSTERS = {
  "random bytes": (size) => randomBytes(size).toString("latin1"),
  "dots": (size) => ".".repeat(size),
  "deep nesting": (size) => token("[".repeat(size * 0.7)),
  "deep objects": (size) => token('{"a":'.repeat(size * 0.14)),
  "digits": (size) => token(`{"exp":${"9".repeat(size * 0.7)}}`),
  "many members": (size) => token(`{${Array.from({ length: size / 16 }, (_, index) => `"${index}":1`).join()}}`),
  "emoji": (size) => "👩‍👩‍👧‍👦".repeat(size / 11),
  "combining marks": (size) => "\u0301".repeat(size),
  "NULs": (size) => "\0".repeat(size),
  "beginnings of tokens": (size) => "eyJ".repeat(size / 3),
  "line breaks": (size) => "a\n".repeat(size / 2),
};

const stage = new Stage();

describe("the inspector is given up to a megabyte of", () => {
  // All inputs go to the same page.
  let page;
  let field;
  let troubles;
  before(async () => {
    ({ page, troubles } = await stage.open(stage));
    field = await inspectorField(page);
  });

  for (const [name, monster] of Object.entries(MONSTERS)) {
    test(name, async () => {
      for (const text of [monster(FULL).slice(0, FULL), monster(MEGABYTE)]) {
        await field.fill("csr_x");
        await page.locator("#inspector").getByText("damaged").first().waitFor();
        await page.locator("#inspector-note:empty").waitFor({ state: "attached" });
        await paste(page, field, text);
        assert.match(await saidOf(page), /\w+ \w+ \w+/);
        await openSession(page, { timeout: ANSWERS_WITHIN });
      }
      assert.deepEqual(troubles, []);
    });
  }
});

/** The message about an invalid token: the note at the field, or the headline of the checks. */
async function saidOf(page) {
  const said = page.locator(".inspector-note:not(:empty), .inspector-headline:not(:empty)").filter({ visible: true }).first();
  await said.waitFor({ timeout: ANSWERS_WITHIN });
  return said.innerText();
}
