import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkNotebook } from "../../lib/notebook/check_notebook.ts";
import type { Notebook } from "../../lib/notebook/notebook.ts";
import { syntheticNotebook } from "../fixtures/synthetic_notebook.ts";

const FOLDER = new URL("fixtures/", import.meta.url).pathname;
const check = (notebook: Notebook) => checkNotebook({ name: "made_up", notebook, parameters: [] }, FOLDER);

Deno.test("types are checked over all cells together, errors are placed in theirs", async () => {
  const good = syntheticNotebook('import { simulate } from "kvmirror";', "const one = 1", "[one].length;", "await 0");
  assertEquals(await check(good), []);
  const [wrong] = await check(
    syntheticNotebook("const one = 1;", "const word: string =\n  'a';\nword.length + one.absent;"),
  );
  assertStringIncludes(wrong, "Property 'absent' does not exist on type '1'");
  assertStringIncludes(wrong, "at made_up.ipynb, cell 2, line 3, column 19");
});

Deno.test("an import that does not exist, which the kernel gives as undefined, is found", async () => {
  const [wrong] = await check(syntheticNotebook('import { absent } from "kvmirror";\nabsent;'));
  assertStringIncludes(wrong, "has no exported member 'absent'");
});

Deno.test("a syntax error is found", async () => {
  const [wrong] = await check(syntheticNotebook("1", "const a = ;"));
  assertStringIncludes(wrong, "Expression expected");
  assertStringIncludes(wrong, "at made_up.ipynb, cell 2, line 1, column 11");
});

Deno.test("outputs that were left in a source are found", async () => {
  const { cells, metadata } = syntheticNotebook("1");
  const ran = { cells: cells.map((cell) => ({ ...cell, executionCount: 1 })), metadata };
  assertEquals(await check(ran), ["made_up.ipynb, cell 1 (id c1) carries the outputs of a run: clear them"]);
});
