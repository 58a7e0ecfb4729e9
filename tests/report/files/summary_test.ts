import { assert, assertEquals } from "@std/assert";
import {
  findingFacts,
  foldSection,
  sectionsOf,
  summaryDocument,
  summaryFindings,
} from "../../../lib/report/files/summary.ts";

const SUMMARY = new URL("../../../reports/benchmark_summary.md", import.meta.url);

function tableOf(rows: number): string {
  return ["| n | score | ci low |", "| ---: | ---: | ---: |"]
    .concat(Array.from({ length: rows }, (_, row) => `| ${row + 20} | 0.5 | 0.4 |`)).join("\n");
}

/** Lines of a text that no fold holds. */
function unfolded(text: string): string[] {
  let isOpen = false;
  return text.split("\n").filter((line) => {
    if (line.startsWith("<details>")) isOpen = true;
    const isShown = !isOpen;
    if (line === "</details>") isOpen = false;
    return isShown;
  });
}

Deno.test("five rows of a table stay, the rest is folded under the table's titles, and no row is lost", () => {
  const folded = foldSection(`\n## A\n\n${tableOf(36)}\n\n`);
  assertEquals(unfolded(folded).filter((line) => /^\| \d/.test(line)).length, 5);
  assertEquals(
    folded.match(/^\| \d+ /gm)?.map((cell) => Number(cell.slice(2))),
    Array.from({ length: 36 }, (_, n) => n + 20),
  );
  assert(folded.includes("<details><summary>31 more rows</summary>\n\n| n | score | ci low |\n| ---: |"), folded);
  assertEquals(foldSection(`\n## A\n\n${tableOf(5)}\n\n`), `\n## A\n\n${tableOf(5)}\n\n`);
});

Deno.test("a section's second table is folded under the sentence that leads to it, its second picture under its name", () => {
  const picture = (name: string) => `![words](figures/${name}.png)`;
  const text = [1, 2, 3].map((number) => `Table \`${number}\` <b>:\n\n${tableOf(2)}`).join("\n\n");
  const folded = foldSection(`\n## A\n\n${picture("01_a")}\n\n${picture("01_by_length")}\n\n### B\n\n${text}\n\n`);
  assertEquals(folded.match(/<summary>.*<\/summary>/g), [
    "<summary>Picture: by length</summary>",
    "<summary>Table 2 &lt;b></summary>",
    "<summary>Table 3 &lt;b></summary>",
  ]);
  assertEquals(unfolded(folded).filter((line) => line.startsWith("Table")), ["Table `1` <b>:"]);
});

Deno.test("folding twice is folding once, in the committed summary too, which is as its own sections make it", () => {
  const text = `\n## A\n\n${tableOf(40)}\n\n${tableOf(11)}\n\nLast:\n\n${
    tableOf(12)
  }\n\n![b](c/d.png)\n\n![e](f/g.png)\n\n`;
  assertEquals(foldSection(foldSection(text)), foldSection(text));
  const committed = Deno.readTextFileSync(SUMMARY);
  assertEquals(summaryDocument(sectionsOf(committed)), committed);
});

Deno.test("a finding carries its heading, model and n, and an anchor that GitHub gives the second of one name", () => {
  const section = (name: string) =>
    `<!-- begin ${name} -->\n\n## 1. A \`b\`: c?\n\n### More\n\n**Found.**\n\n${tableOf(3)}\n\n` +
    `*Made by \`x\`; model tiny, f32 weights, sha256 \`00\`; seed 42.*\n\n<!-- end ${name} -->\n`;
  const findings = summaryFindings(sectionsOf(section("01_a") + section("02_b")));
  assertEquals(findings[1], {
    sentence: "**Found.**",
    heading: "More",
    anchor: "more-1",
    notebook: "02_b",
    tasks: [],
    hasIntervals: true,
    model: "tiny, f32 weights",
    samples: [20, 22],
  });
  assertEquals(findings[0].anchor, "more");
  const document = summaryDocument(sectionsOf(section("01_a")));
  assert(
    document.includes(
      "- **[1. A `b`: c?](#1-a-b-c)**\n" +
        "  Found. (tiny, f32 weights; n from 20 to 22 in its tables; 95 % intervals in its tables; [More](#more))\n",
    ),
    document,
  );
  const twice = summaryDocument(sectionsOf(section("01_a").replace("**Found.**", "**Found.**\n\n**Lost, n = 3.**")));
  assert(/^- \*\*\[1.*\n {2}- Found\. .*\n {2}- Lost, n = 3\. .*\n/m.test(twice), twice);
});

Deno.test("the committed summary: what is known, a question each, and tables of five rows at most", () => {
  const text = Deno.readTextFileSync(SUMMARY);
  const [first, ...questions] = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  assertEquals(first, "What is known");
  assertEquals([...text.matchAll(/^- \*\*\[(.*)\]\(#.*\)\*\*$/gm)].map(([, heading]) => heading), questions);
  let rows = 0;
  for (const line of unfolded(text)) {
    rows = /^\|/.test(line) ? rows + 1 : 0;
    assert(rows <= 7, line);
  }
});

Deno.test("a finding names up to five tasks of its tables, and counts more", () => {
  const of = (tasks: readonly string[]) => {
    const rows = tasks.map((task) => `| ${task} | 0.5 |`).join("\n");
    const text = `\n## A?\n\n**Found.**\n\n| task | score |\n| --- | ---: |\n${rows}\n\n`;
    return summaryFindings(new Map([["01_a", text]])).map(findingFacts);
  };
  assertEquals(of(["vt", "cwe"]), [["vt, cwe"]]);
  assertEquals(of(["vt", "cwe", "fwe", "one", "two", "three"]), [["6 tasks in its tables"]]);
});
