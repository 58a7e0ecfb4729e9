import { fileURLToPath } from "node:url";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkNotebook } from "../../lib/notebook/check_notebook.ts";
import type { Notebook } from "../../lib/notebook/notebook.ts";
import { syntheticNotebook } from "../fixtures/synthetic_notebook.ts";

const FOLDER = fileURLToPath(new URL("fixtures/", import.meta.url));
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

Deno.test("a code line over 100 characters is found, one of 100 is not", async () => {
  const comment = (length: number) => `//${"x".repeat(length - 2)}`;
  assertEquals(await check(syntheticNotebook(`1;\n${comment(100)}`)), []);
  assertEquals(await check(syntheticNotebook("1;", `1;\n${comment(101)}`)), [
    "made_up.ipynb, cell 2 (id c2), line 2 has 101 characters of code, at most 100: break the line",
  ]);
});

Deno.test("a code cell over 16 lines is found, one of 16 is not", async () => {
  const cell = (lines: number) => Array.from({ length: lines }, (_, line) => `${line};`).join("\n");
  assertEquals(await check(syntheticNotebook(cell(16))), []);
  assertEquals(await check(syntheticNotebook("1;", cell(18))), [
    "made_up.ipynb, cell 2 (id c2), line 17 is too much: the cell has 18 lines of code, at most 16: split the cell",
  ]);
});

Deno.test("prose may be as wide and as long as it likes", async () => {
  const { cells, metadata } = syntheticNotebook("1;");
  const prose = { type: "markdown" as const, id: "text", source: `${"x".repeat(101)}\n`.repeat(13), metadata: {} };
  assertEquals(await check({ cells: [prose, ...cells], metadata }), []);
});
