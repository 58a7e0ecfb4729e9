import { listRows, type Row, type Rows } from "./rows.ts";

/** What every chart of rows takes. */
export interface ChartOptions {
  /** The data, one row a mark. */
  readonly rows: Rows;
  /** The claim, as a sentence. */
  readonly title: string;
  /** What was measured, on what. */
  readonly subtitle?: string;
  /** What the picture shows, in words, for those who cannot see it. */
  readonly description: string;
  /** Width and height of the plot in pixels, without axes and legend. */
  readonly size?: readonly [width: number, height: number];
}

/** The part of a Vega-Lite specification that every chart of rows shares, and its rows. */
export function chartBase(options: ChartOptions, columns: readonly string[]): {
  readonly base: { readonly description: string } & Readonly<Record<string, unknown>>;
  readonly rows: readonly Row[];
} {
  const rows = listRows(options.rows);
  if (rows.length === 0) throw new RangeError("Cannot draw a chart of 0 rows: give at least one");
  for (const name of columns) {
    if (name in rows[0]) continue;
    throw new TypeError(
      `Cannot draw column ${name} as the rows lack it: theirs are ${Object.keys(rows[0]).join(", ")}`,
    );
  }
  const { title, subtitle, description, size } = options;
  const base = {
    description,
    title: { text: title, ...(subtitle === undefined ? {} : { subtitle }) },
    data: { values: rows },
    ...(size === undefined ? {} : { width: size[0], height: size[1] }),
  };
  return { base, rows };
}

/** The distinct texts of a column, in the order of the rows. */
export function distinct(rows: readonly Row[], column: string): string[] {
  return [...new Set(rows.map((row) => String(row[column])))];
}
