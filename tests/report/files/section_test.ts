import { assertEquals, assertThrows } from "@std/assert";
import { writeSection } from "kvmirror/report";
import { replaceSection } from "../../../lib/report/files/section.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

Deno.test("sections stand in the order of their names, whatever the order they came in", () => {
  const names = ["01_simulator", "02_attention_trace", "03_live_eviction"];
  const write = (order: readonly string[]): string =>
    order.reduce((document, name) => replaceSection(document, name, `## ${name}\n\ntext\n`), "");
  const document = write(names);
  assertEquals(write([names[2], names[0], names[1], names[0]]), document);
  assertEquals(document.match(/^## .*$/gm), ["Contents", ...names].map((name) => `## ${name}`));
  assertEquals(document.match(/^# .*$/gm), ["# Benchmark summary"]);
});

Deno.test("a section that is written anew takes the place of its earlier self alone", () => {
  const first = replaceSection(replaceSection("", "a", "old a"), "b", "old b");
  const second = replaceSection(first, "a", "new $& a");
  assertEquals(second, first.replace("old a", () => "new $& a"));
});

Deno.test("writeSection starts the file where there is none", async () => {
  await withFolder(async (_, folder) => {
    await writeSection(`${folder}/summary.md`, "a", "text");
    await writeSection(`${folder}/summary.md`, "a", "text");
    assertEquals(await Deno.readTextFile(`${folder}/summary.md`), replaceSection("", "a", "text"));
  });
});

Deno.test("a name that would not be found again is refused", () => {
  assertThrows(() => replaceSection("", "a b", ""), RangeError, "Cannot name a section a b");
});
