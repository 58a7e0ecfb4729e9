import { altText } from "../render/alt_text.ts";

/** Sections of a report by their names, in its order. */
export type Sections = ReadonlyMap<string, string>;

/** Reads the sections of a report: what stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. */
export function sectionsOf(document: string): Sections {
  const found = document.matchAll(/^<!-- begin (\w+) -->\n(.*?)^<!-- end \1 -->$/gms);
  return new Map([...found].map(([, name, text]) => [name, text]));
}

const HEAD = `# Benchmark summary

Written by the notebooks, one section each: change them, not this file. Tables show five rows; one table and one picture stand
for a section; the rest is folded. [The site](site/index.html) has the same, with a leaderboard and charts that react.
`;

/** A report of sections: their questions, each with what is known, then the sections, long tables and pictures folded. */
export function summaryDocument(sections: Sections): string {
  const ordered = new Map([...sections].sort(([one], [other]) => one < other ? -1 : 1));
  const findings = summaryFindings(ordered);
  return [
    HEAD,
    ...listed(
      findings.length === 0 ? "Contents" : "What is known",
      headingsOf(ordered).map((question) =>
        answered(question, findings.filter(({ notebook }) => notebook === question.notebook))
      ),
    ),
    ...[...ordered].map(([name, text]) =>
      `<!-- begin ${name} -->\n${foldSection(withAltTexts(text))}<!-- end ${name} -->\n`
    ),
  ].join("\n");
}

/** The text with short alternative texts: what a picture shows in numbers stands in tables. */
function withAltTexts(text: string): string {
  return text.replaceAll(/^!\[(.*)\](?=\(\S+\)$)/gm, (_, description: string) => `![${altText(description)}]`);
}

function listed(heading: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`## ${heading}\n\n${items.join("\n")}\n`];
}

/** A section's heading, which asks its question. */
type Question = Pick<Finding, "heading" | "anchor" | "notebook">;

function headingsOf(sections: Sections): Question[] {
  return [...sections].flatMap(([notebook, text]) =>
    [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => ({ heading, anchor: headingAnchor(heading), notebook }))
  );
}

/** A question with what is known: one finding behind it, several below it. */
function answered({ heading, anchor }: Question, findings: readonly Finding[]): string {
  const between = findings.length === 1 ? "\n  " : "\n  - ";
  const found = findings.map((finding) =>
    `${between}${finding.sentence.replaceAll("**", "")}${factsOf(finding, anchor)}`
  );
  return `- **[${heading}](#${anchor})**${found.join("")}`;
}

/** A sentence that a section of the summary stands for, and what it rests on. */
export interface Finding {
  /** The sentence, as Markdown; bold, as in its section. */
  readonly sentence: string;
  /** The heading above it. */
  readonly heading: string;
  /** The heading's anchor in the summary. */
  readonly anchor: string;
  /** The notebook that wrote the section. */
  readonly notebook: string;
  /** The model and its weights, where the section says so. */
  readonly model?: string;
  /** The least and the most `n` in the section's tables, where they have that column. */
  readonly samples?: readonly [least: number, most: number];
  /** The tasks in the section's tables, without the lengths of their texts. */
  readonly tasks: readonly string[];
  /** Whether the section's tables hold intervals. */
  readonly hasIntervals: boolean;
}

/** Reads the bold sentences of a report's sections, each with the model and the `n` that stand under its heading. */
export function summaryFindings(sections: Sections): Finding[] {
  const anchors = new Map<string, number>();
  return [...sections].flatMap(([notebook, text]) =>
    text.split(/^(?=##+ )/m).flatMap((part) => {
      const heading = part.match(/^##+ (.+)$/m)?.[1];
      if (heading === undefined) return [];
      const anchor = headingAnchor(heading, anchors);
      const made = /^\*Made by .*; model ([^;]+), sha256/m;
      const [, model] = part.match(made) ?? text.match(made) ?? [];
      const tasks = new Set(columnOf(part, "task").map((task) => task.split("@")[0]));
      const samples = columnRange(part, "n");
      return [...part.matchAll(/^\*\*[^*].*$/gm)].map(([sentence]) => ({
        sentence,
        heading,
        anchor,
        notebook,
        hasIntervals: /^\|.* low \|/m.test(part),
        tasks: [...tasks],
        ...(model !== undefined && { model }),
        ...(samples !== undefined && { samples }),
      }));
    })
  );
}

/** What a finding rests on, in a few words that do not repeat it. */
export function findingFacts({ sentence, model, tasks, samples, hasIntervals }: Finding): string[] {
  const [least, most] = samples ?? [];
  return [
    ...(model === undefined || sentence.includes(model) ? [] : [model]),
    ...(tasks.length === 0 || tasks.some((task) => sentence.includes(task)) ? [] : [namedTasks(tasks)]),
    ...(least === undefined || /\bn = \d/.test(sentence)
      ? []
      : [`n ${least === most ? `= ${least}` : `from ${least} to ${most}`} in its tables`]),
    ...(!hasIntervals || /\d to [-−+]?\d/.test(sentence) ? [] : ["95 % intervals in its tables"]),
  ];
}

/** Names of tasks, which a line takes some of. */
function namedTasks(tasks: readonly string[]): string {
  return tasks.length > 5 ? `${tasks.length} tasks in its tables` : tasks.join(", ");
}

/** What a finding rests on, in parentheses, and where it stands if that is not the section's beginning. */
function factsOf(finding: Finding, section: string): string {
  const { heading, anchor } = finding;
  const facts = [...findingFacts(finding), ...(anchor === section ? [] : [`[${heading}](#${anchor})`])];
  return facts.length === 0 ? "" : ` (${facts.join("; ")})`;
}

/** The anchor that GitHub gives a heading; the second of the same name gets a number. */
export function headingAnchor(heading: string, taken: Map<string, number> = new Map()): string {
  const plain = heading.replaceAll(/[`*]/g, "").toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
  const earlier = taken.get(plain);
  taken.set(plain, (earlier ?? -1) + 1);
  return earlier === undefined ? plain : `${plain}-${earlier + 1}`;
}

/** The most rows of a table, and the most tables and pictures of a section, that stand unfolded. */
const MAX_ROWS = 5;
const MAX_TABLES = 1;
const MAX_PICTURES = 1;

/**
 * Folds what a first reading can do without: rows of a table past the fifth, and tables and pictures of a section past its
 * first. What is folded already stays as it is, so that folding twice is folding once.
 */
export function foldSection(text: string): string {
  const folded: string[] = [];
  let isOpen = false;
  let tables = 0;
  let pictures = 0;
  for (const block of text.split(/\n\n+/)) {
    if (block.startsWith("<details>")) isOpen = true;
    if (/^\n?## /.test(block)) tables = pictures = 0;
    if (isOpen) folded.push(block);
    else if (/^\|.*\n\|[ :|-]+\|(\n|$)/.test(block)) {
      if (tables++ < MAX_TABLES) folded.push(...foldRows(block));
      else folded.push(...fold(captionOf(folded) ?? `Table of ${block.split("\n").length - 2} rows`, block));
    } else if (/^!\[.*\]\(\S+\)$/.test(block) && pictures++ >= MAX_PICTURES) {
      folded.push(...fold(`Picture: ${pictureName(block)}`, block));
    } else folded.push(block);
    if (block.endsWith("</details>")) isOpen = false;
  }
  return folded.join("\n\n");
}

function foldRows(table: string): string[] {
  const [titles, rule, ...rows] = table.split("\n");
  const rest = rows.slice(MAX_ROWS);
  const shown = [titles, rule, ...rows.slice(0, MAX_ROWS)].join("\n");
  if (rest.length === 0) return [shown];
  return [
    shown,
    ...fold(rest.length === 1 ? "1 more row" : `${rest.length} more rows`, [titles, rule, ...rest].join("\n")),
  ];
}

/** The most characters of a line that leads to a table: what is longer tells more than what the table holds. */
const MAX_CAPTION = 140;

/** Takes the sentence that leads to a table off the end of a text: it is what a reader sees of the folded table. */
function captionOf(blocks: string[]): string | undefined {
  const last = blocks.at(-1) ?? "";
  if (!/^\w[^\n]*:$/.test(last) || last.length > MAX_CAPTION) return;
  blocks.pop();
  return last.slice(0, -1).replaceAll(/\\(.)|[`*]/g, "$1").replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function fold(summary: string, block: string): string[] {
  return [`<details><summary>${summary}</summary>`, block, "</details>"];
}

/** `scores by quarter` of `figures/03_scores_by_quarter.png`. */
function pictureName(picture: string): string {
  const file = picture.match(/([^/]+)\.\w+\)$/)?.[1] ?? "more";
  return file.replace(/^\d+_/, "").replaceAll("_", " ");
}

/** The least and the most number in a column of a text's tables. */
function columnRange(text: string, name: string): readonly [number, number] | undefined {
  const numbers = columnOf(text, name).filter((cell) => /^\d/.test(cell)).map((cell) =>
    Number(cell.replaceAll(",", ""))
  );
  return numbers.length === 0 ? undefined : [Math.min(...numbers), Math.max(...numbers)];
}

/** The cells of a column in all tables of a text that have it. */
function columnOf(text: string, name: string): string[] {
  const found: string[] = [];
  let column = -1;
  let isTable = false;
  for (const line of text.split("\n")) {
    const cells = line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim());
    const isRule = cells.every((cell) => /^:?-+:?$/.test(cell));
    if (cells.length > 0 && !isTable) column = cells.indexOf(name);
    else if (column >= 0 && !isRule && cells[column] !== undefined) found.push(cells[column]);
    isTable = cells.length > 0;
  }
  return found;
}
