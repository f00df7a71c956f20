// The inspector, given a megabyte of anything: the page goes on to answer, and says kindly what is wrong.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, describe, test } from "node:test";
import { inspectorField, openSession, paste } from "../support/acts.mjs";
import { Stage } from "../support/stage.mjs";

const MEGABYTE = 1_000_000;
/** As much as the field takes, so that all of it is read. */
const FULL = 64 * 1024;
/** Milliseconds, many times what is needed: whoever froze the page for ever would be found. */
const ANSWERS_WITHIN = 10_000;

const encode = (text) => Buffer.from(text).toString("base64url");
const HEADER = encode('{"alg":"ES256","typ":"at+jwt"}');
const token = (claims) => `${HEADER}.${encode(claims)}.${"A".repeat(86)}`;

/** A text of about so many characters. */
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
  // One page has to stand all of them.
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

/** What is said of a text that is no good token: beside the field, or in the verdict on it. */
async function saidOf(page) {
  const said = page.locator(".inspector-note:not(:empty), .inspector-headline:not(:empty)").filter({ visible: true }).first();
  await said.waitFor({ timeout: ANSWERS_WITHIN });
  return said.innerText();
}
