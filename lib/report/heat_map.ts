import { type Axis, fieldChannel, fieldOf, optionsOf, titleOf } from "./axis.ts";
import { type Chart, chart } from "./chart.ts";
import { chartBase, type ChartOptions } from "./chart_options.ts";
import { RAMP } from "./palette.ts";

/** Pixels of a cell's side where no size is given. */
const CELL = 20;

/** A heat map: one number in every cell of a grid. */
export interface HeatMapOptions extends ChartOptions {
  /** The names or numbers along the top of the grid's columns. */
  readonly x: Axis;
  /** The names or numbers down the side. */
  readonly y: Axis;
  /** The number; its scale, domain and format are the ramp's. */
  readonly value: Axis;
}

/** Draws a grid whose cells are coloured by a ramp that grows evenly in lightness too; the first row is on top. */
export function heatMap(options: HeatMapOptions): Promise<Chart> {
  const { x, y, value } = options;
  const { base } = chartBase(options, [fieldOf(x), fieldOf(y), fieldOf(value)]);
  const { scale = "linear", domain, format } = optionsOf(value);
  const place = (axis: Axis): Record<string, unknown> => ({
    ...fieldChannel(axis),
    type: "ordinal",
    sort: null,
    axis: { labelAngle: 0, labelOverlap: true, ticks: false, domain: false },
  });
  return chart({
    width: { step: CELL },
    height: { step: CELL },
    ...base,
    mark: { type: "rect", stroke: "white", strokeWidth: 0.5 },
    encoding: {
      x: place(x),
      y: place(y),
      color: {
        field: fieldOf(value),
        title: titleOf(value),
        type: "quantitative",
        scale: { scheme: RAMP, type: scale, ...(domain === undefined ? {} : { domain }) },
        legend: {
          orient: "top",
          direction: "horizontal",
          gradientLength: 240,
          titleOrient: "left",
          ...(format === undefined ? {} : { format }),
        },
      },
    },
  });
}
