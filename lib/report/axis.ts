/** A column on an axis or a colour ramp: its name, or its name and how it is drawn. */
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
  return { ...fieldChannel(axis), type: "nominal", sort: null, axis: { labelAngle: 0 } };
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
  return typeof axis === "string" ? { field: axis } : axis;
}
