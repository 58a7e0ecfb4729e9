import { stripVTControlCharacters } from "node:util";
import type { Notebook, Output } from "../../notebook/notebook.ts";
import { escapeHtml } from "../render/escape.ts";
import { plain } from "../table/number_format.ts";
import { type ChartOutput, chartSpecification } from "./chart_specification.ts";
import { altText } from "../render/alt_text.ts";
import { pictureBox, renderMarkdown, type Targets } from "./markdown.ts";
import { type Page, scrollBox } from "./page.ts";
import type { Pictures } from "./pictures.ts";
import { CHART_SCRIPTS } from "./vendor.ts";

/** An executed notebook. */
export interface NamedNotebook {
  /** The file's name without `.ipynb`. */
  readonly name: string;
  /** Its cells and what they displayed. */
  readonly notebook: Notebook;
}

/** The page of an executed notebook: prose, folded code, tables, and charts that live where scripts run. */
export async function notebookPage(
  { name, notebook }: NamedNotebook,
  pictures: Pictures,
  targets: Targets,
): Promise<Page> {
  const parts: string[] = [];
  for (const cell of notebook.cells) {
    if (cell.type === "markdown") parts.push(renderMarkdown(cell.source, targets));
    if (cell.type !== "code") continue;
    if (cell.source.trim() !== "") parts.push(foldedCode(cell.source));
    for (const [index, output] of cell.outputs.entries()) {
      parts.push(await outputHtml(output, `${name}_${cell.id}_${index}`, pictures, targets));
    }
  }
  const body = parts.join("\n");
  const scripts = body.includes('class="chart"') ? CHART_SCRIPTS : [];
  return { file: `${name}.html`, title: notebookTitle({ name, notebook }), body, scripts };
}

/** The heading of a notebook, or its name where it has none. */
export function notebookTitle({ name, notebook }: NamedNotebook): string {
  const heading = notebook.cells.filter(({ type }) => type === "markdown").map(({ source }) => source)
    .join("\n").match(/^# (.+)$/m)?.[1];
  return (heading ?? name).replaceAll(/[`*]/g, "");
}

/** Code's first line says what is folded away. */
function foldedCode(source: string): string {
  const first = source.split("\n").find((line) => line.trim() !== "")!.trim();
  const label = first.length > 60 ? `${first.slice(0, 60)}…` : first;
  return `<details class="code"><summary>Code: <code>${escapeHtml(label)}</code></summary>\n${
    codeBox(source)
  }</details>`;
}

/** What a cell showed as text: its lines wrap, as they may be sentences. */
function textBox(text: string): string {
  return `<pre class="text">${escapeHtml(stripVTControlCharacters(text))}</pre>`;
}

function codeBox(text: string): string {
  return `<pre class="scroll" tabindex="0"><code>${escapeHtml(stripVTControlCharacters(text))}</code></pre>`;
}

async function outputHtml(output: Output, name: string, pictures: Pictures, targets: Targets): Promise<string> {
  switch (output.type) {
    case "stream":
      return streamHtml(output.text);
    case "error":
      return textBox(`${output.name}: ${output.message}`);
  }
  const { data } = output;
  const chart = chartSpecification(data["application/vnd.vegalite.v5+json"]);
  if (chart !== undefined) return await chartFigure(chart, await pictures.chart(chart.specification, name));
  const png = pngBytes(data["image/png"]);
  if (png !== undefined) return pictureBox(pictures.png(png, name), textOf(data["text/plain"]));
  // The HTML form is left out: it may hold anything, and Markdown says the same.
  if (typeof data["text/markdown"] === "string") return renderMarkdown(data["text/markdown"], targets);
  const text = textOf(data["text/plain"]);
  return text === "" || text === "undefined" ? "" : textBox(text);
}

/** The most lines of a stream that stand unfolded: what is longer tells of progress. */
const MAX_LINES = 10;

function streamHtml(text: string): string {
  const lines = text.trim().split("\n");
  if (text.trim() === "") return "";
  if (lines.length <= MAX_LINES) return textBox(text);
  const summary = `Output: ${lines.length} lines, at last ${stripVTControlCharacters(lines.at(-1)!)}`;
  return `<details class="code"><summary>${escapeHtml(summary)}</summary>\n${textBox(text)}</details>`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? stripVTControlCharacters(value) : "";
}

/** The first bytes of every PNG. */
const PNG = [0x89, 0x50, 0x4e, 0x47];

function pngBytes(base64: unknown): Uint8Array | undefined {
  if (typeof base64 !== "string") return;
  try {
    const bytes = Uint8Array.fromBase64(base64);
    return PNG.every((byte, index) => bytes[index] === byte) ? bytes : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return;
    throw error;
  }
}

/** A chart: its finding, a picture that a live chart takes the place of, its words, and its rows as a table. */
function chartFigure({ specification, title, description, rows }: ChartOutput, picture: string): string {
  const image = `<img src="${escapeHtml(picture)}" alt="${escapeHtml(altText(description))}" loading="lazy">`;
  const words = description.length > altText(description).length
    ? `<details><summary>The chart in words</summary><p>${escapeHtml(description)}</p></details>\n`
    : "";
  return `<figure>
<figcaption>${escapeHtml(title)}</figcaption>
${scrollBox(`<div class="chart">${image}</div>`, `Chart: ${title}`)}
<script type="application/json">${scriptJson(specification)}</script>
${words}${rowTable(rows)}</figure>`;
}

/** JSON that stands in a script element and cannot end it. */
function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

/** The most rows of a chart's table: the whole of every chart but those of a row a token or head. */
const MAX_ROWS = 60;

function rowTable(rows: ChartOutput["rows"]): string {
  if (rows.length === 0) return "";
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const shown = rows.slice(0, MAX_ROWS);
  const head = columns.map((name) => `<th scope="col">${escapeHtml(name.replaceAll("_", " "))}</th>`).join("");
  const body = shown.map((row) => `<tr>${columns.map((name) => cell(row[name])).join("")}</tr>`).join("\n");
  const table = `<table><thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody></table>`;
  const count = shown.length < rows.length ? `the first ${shown.length} of ${rows.length} rows` : `${rows.length} rows`;
  return `<details><summary>The chart's data: ${count}</summary>\n${
    scrollBox(table, "The chart's data")
  }\n</details>\n`;
}

function cell(value: unknown): string {
  if (typeof value === "number") return `<td class="number">${escapeHtml(plain(value))}</td>`;
  const text = value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : value;
  return `<td>${escapeHtml(String(text))}</td>`;
}
