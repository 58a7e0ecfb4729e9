import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { DISPLAY, type Displayable } from "../render/display.ts";
import { escapeHtml, escapeMarkdown } from "../render/escape.ts";
import { type Format, plain } from "./number_format.ts";
import { listRows, type Row, type Rows } from "./records.ts";

/** How a table is written. */
export interface TableOptions {
  /** Formats by column; default {@linkcode plain}. */
  readonly formats?: Readonly<Record<string, Format>>;
}

const TABLE_OPTIONS: OptionNames<TableOptions> = { formats: true };

/** A table that a notebook displays and a report takes as Markdown. */
export interface Table extends Displayable {
  /** The cells as they were given, unformatted. */
  readonly rows: readonly Row[];
  /** GitHub Flavored Markdown; numbers are flush right. */
  readonly markdown: string;
  /** The table as HTML. */
  readonly html: string;
}

/**
 * Lays rows, or a Polars DataFrame, out as a table: the last expression of a notebook cell shows it.
 *
 * Throws a TypeError where a column cannot be shown (64-bit integers among them, see {@linkcode listRows}), and where
 * `formats` names a column that is not there.
 *
 * @example
 * ```ts
 * import { percent, table } from "kvmirror/report";
 *
 * table([{ policy: "hybrid", kept_ratio: 0.2227 }], { formats: { kept_ratio: percent(1) } }).markdown;
 * ```
 */
export function table(source: Rows, options: TableOptions = {}): Table {
  checkOptions("table", options, TABLE_OPTIONS);
  const rows = listRows(source);
  const columns = Object.keys(rows[0] ?? {});
  const formats = options.formats ?? {};
  const missing = Object.keys(formats).find((name) => !columns.includes(name));
  if (missing !== undefined) {
    throw new TypeError(
      `Cannot format column ${missing} as it is not in the table: its columns are ${columns.join(", ")}`,
    );
  }
  const titles = columns.map((name) => name.replaceAll("_", " "));
  const cells = rows.map((row) =>
    columns.map((name) => (Object.hasOwn(formats, name) ? formats[name] : plain)(row[name]))
  );
  const right = columns.map((name) => rows.some((row) => typeof row[name] === "number"));
  const markdown = renderMarkdown(titles, cells, right);
  const html = renderHtml(titles, cells, right);
  const bundle = { "text/html": html, "text/markdown": markdown, "text/plain": markdown };
  return { rows, markdown, html, [DISPLAY]: () => bundle };
}

type Cells = readonly (readonly string[])[];

function renderMarkdown(titles: readonly string[], cells: Cells, right: readonly boolean[]): string {
  const line = (texts: readonly string[]): string => `| ${texts.join(" | ")} |`;
  const rule = right.map((flush) => flush ? "---:" : "---");
  const lines = [titles.map(escapeMarkdown), rule, ...cells.map((row) => row.map(escapeMarkdown))];
  return `${lines.map(line).join("\n")}\n`;
}

function renderHtml(titles: readonly string[], cells: Cells, right: readonly boolean[]): string {
  const style = (column: number): string => ` style="text-align: ${right[column] ? "right" : "left"}"`;
  const line = (tag: string, texts: readonly string[]): string =>
    `<tr>${texts.map((text, column) => `<${tag}${style(column)}>${escapeHtml(text)}</${tag}>`).join("")}</tr>`;
  const body = cells.map((row) => line("td", row)).join("\n");
  return `<table>\n<thead>${line("th", titles)}</thead>\n<tbody>\n${body}\n</tbody>\n</table>`;
}
