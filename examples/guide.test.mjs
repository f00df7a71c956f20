// The excerpts in docs/guide/protect-an-api.md equal the code of the examples.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, recipes } from "./harness/recipes.mjs";

const LONGEST = 15;

const guide = await readFile(join(ROOT, "../docs/guide/protect-an-api.md"), "utf8");
const excerpts = [...guide.matchAll(/^<!-- excerpt: (\S+) -->\n```\w+\n(.*?)^```$/gms)];

for (const [, file, text] of excerpts) {
  const [first] = text.split("\n");
  test(`${file} contains the excerpt that starts with "${first.trim()}"`, async () => {
    const source = await readFile(join(ROOT, file), "utf8");
    assert.ok(`\n${source}`.includes(`\n${text}`), "the guide and the example differ");
    assert.ok(text.split("\n").length - 1 <= LONGEST, "the excerpt is too long");
  });
}

test("an excerpt follows every excerpt comment", () => {
  assert.equal(excerpts.length, guide.match(/<!-- excerpt:/g).length);
});

test("every recipe is in the guide", () => {
  const shown = new Set(excerpts.map(([, file]) => file.split("/")[0]));
  const missing = recipes("").filter(({ name, directory = name }) => !shown.has(directory));
  assert.deepEqual(missing, []);
});
