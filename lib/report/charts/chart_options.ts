import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { listRows, type Row, type Rows } from "../table/records.ts";

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

/** Their names, as {@linkcode checkOptions} takes them. */
export const CHART_OPTIONS: OptionNames<ChartOptions> = {
  rows: true,
  title: true,
  subtitle: true,
  description: true,
  size: true,
};

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

/** A column on an axis or a color ramp: its name, or its name and how it is drawn. */
export type Axis = string | AxisOptions;

/** How a column is drawn. */
export interface AxisOptions {
  /** The column's name. */
  readonly field: string;
  /** With its unit; default: the column's name, underscores as spaces. */
  readonly title?: string;
  /** How values become lengths; default linear. */
  readonly scale?: "linear" | "log" | "symlog" | "sqrt";
  /** Least and greatest value drawn; default: the data's, from zero for bars. */
  readonly domain?: readonly [number, number];
  /** A d3-format of the labels: `.0%`, `~s`. */
  readonly format?: string;
  /** The values that have a label; default: as Vega finds. */
  readonly values?: readonly number[];
}

const AXIS_OPTIONS: OptionNames<AxisOptions> = {
  field: true,
  title: true,
  scale: true,
  domain: true,
  format: true,
  values: true,
};

/** The Vega-Lite channel of numbers on an axis. */
export function numberChannel(axis: Axis): Record<string, unknown> {
  const { scale = "linear", domain, format, values } = optionsOf(axis);
  return {
    ...fieldChannel(axis),
    type: "quantitative",
    scale: {
      type: scale,
      nice: scale === "linear" && domain === undefined,
      ...(scale === "linear" ? { zero: false } : {}),
      ...(domain === undefined ? {} : { domain }),
    },
    axis: { ...(format === undefined ? {} : { format }), ...(values === undefined ? {} : { values }) },
  };
}

/** The Vega-Lite channel of names on an axis, in the order of the data. */
export function nameChannel(axis: Axis): Record<string, unknown> {
  return { ...seriesChannel(axis), axis: { labelAngle: 0 } };
}

/** The Vega-Lite channel of names that color, dash or shape tell apart, in the order of the data. */
export function seriesChannel(axis: Axis): Record<string, unknown> {
  return { ...fieldChannel(axis), type: "nominal", sort: null };
}

/** The column and its title, common to every channel. */
export function fieldChannel(axis: Axis): Record<string, unknown> {
  return { field: fieldOf(axis), title: titleOf(axis) };
}

/** The column's name. */
export function fieldOf(axis: Axis): string {
  return optionsOf(axis).field;
}

/** The column's title. */
export function titleOf(axis: Axis): string {
  const { field, title } = optionsOf(axis);
  return title ?? field.replaceAll("_", " ");
}

/** The axis with its options, even where only its name was given. */
export function optionsOf(axis: Axis): AxisOptions {
  if (typeof axis === "string") return { field: axis };
  checkOptions("an axis", axis, AXIS_OPTIONS);
  return axis;
}
