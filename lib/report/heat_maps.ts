import { type Axis, fieldChannel, fieldOf, titleOf } from "./axis.ts";
import { type Chart, chart } from "./chart.ts";
import { chartBase, type ChartOptions, distinct } from "./chart_options.ts";
import { RAMP } from "./palette.ts";

/** Heat maps side by side, one a facet, all by one ramp from 0 to 1. */
export interface HeatMapsOptions extends Omit<ChartOptions, "size"> {
  /** The column that tells the maps apart. */
  readonly facet: string;
  /** The names or numbers along the top of each map's columns. */
  readonly x: Axis;
  /** The names or numbers down the side. */
  readonly y: Axis;
  /** The number in each cell, in [0, 1]. */
  readonly value: Axis;
  /** d3-format of the number written into each cell. */
  readonly label: string;
  /** d3-format of the names down the side. */
  readonly yFormat?: string;
  /** Maps in a line; 3 by default. */
  readonly columns?: number;
}

/** Draws small heat maps of one grid, to be compared. */
export function heatMaps(options: HeatMapsOptions): Promise<Chart> {
  const { facet, x, y, value, label, yFormat, columns = 3 } = options;
  const { base, rows } = chartBase(options, [facet, fieldOf(x), fieldOf(y), fieldOf(value)]);
  const channel = (axis: Axis, more: object = {}) => ({
    ...fieldChannel(axis),
    type: "ordinal",
    sort: null,
    axis: { labelAngle: 0, ticks: false, domain: false, ...more },
  });
  return chart({
    ...base,
    facet: { field: facet, type: "nominal", title: null, sort: distinct(rows, facet) },
    columns,
    spec: {
      width: { step: 48 },
      height: { step: 26 },
      encoding: { x: channel(x), y: channel(y, yFormat === undefined ? {} : { format: yFormat }) },
      layer: [
        {
          mark: { type: "rect" },
          encoding: {
            color: {
              field: fieldOf(value),
              title: titleOf(value),
              type: "quantitative",
              scale: { scheme: RAMP, domain: [0, 1] },
            },
          },
        },
        {
          mark: { type: "text", fontSize: 12 },
          encoding: {
            text: { field: fieldOf(value), type: "quantitative", format: label },
            color: {
              condition: { test: `datum[${JSON.stringify(fieldOf(value))}] > 0.5`, value: "black" },
              value: "white",
            },
          },
        },
      ],
    },
  });
}
