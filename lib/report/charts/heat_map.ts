import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { textWidth } from "../render/font.ts";
import { RAMP } from "../render/palette.ts";
import type { Row } from "../table/records.ts";
import { type Chart, chart } from "./chart.ts";
import {
  type Axis,
  CHART_OPTIONS,
  chartBase,
  type ChartOptions,
  distinct,
  fieldChannel,
  fieldOf,
  optionsOf,
  titleOf,
} from "./chart_options.ts";

/** Pixels of a cell's width and height where no size is given. */
const CELL = [20, 20] as const;
const LABELED_CELL = [56, 30] as const;
/** Pixels of an axis label, as the charts' theme has it. */
const LABEL_SIZE = 12;

/** A heat map: one number in every cell of a grid. */
export interface HeatMapOptions extends ChartOptions {
  /** The names or numbers along the top of the grid's columns. */
  readonly x: Axis;
  /** The names or numbers down the side. */
  readonly y: Axis;
  /** The number; its scale, domain and format are the ramp's. */
  readonly value: Axis;
  /** A d3-format of the number written into each cell; default: none, as in a grid of many cells. */
  readonly label?: string;
}

const HEAT_MAP_OPTIONS: OptionNames<HeatMapOptions> = {
  ...CHART_OPTIONS,
  x: true,
  y: true,
  value: true,
  label: true,
};

/** Draws a grid whose cells are colored by a ramp that grows evenly in lightness too; the first row is on top. */
export function heatMap(options: HeatMapOptions): Promise<Chart> {
  checkOptions("heatMap", options, HEAT_MAP_OPTIONS);
  const { x, y, value, label } = options;
  const { base, rows } = chartBase(options, [fieldOf(x), fieldOf(y), fieldOf(value)]);
  const { scale = "linear", domain, format } = optionsOf(value);
  const place = (axis: Axis): Record<string, unknown> => ({
    ...fieldChannel(axis),
    type: "ordinal",
    sort: null,
    // Cells with a number have room for their name; the columns of a fine grid have not.
    axis: { labelAngle: 0, labelOverlap: label === undefined, ticks: false, domain: false },
  });
  const [leastWidth, height] = label === undefined ? CELL : LABELED_CELL;
  const width = label === undefined ? leastWidth : Math.max(leastWidth, widest(rows, fieldOf(x)));
  const [least, most] = domain ?? extent(rows, fieldOf(value));
  return chart({
    width: { step: width },
    height: { step: height },
    ...base,
    encoding: { x: place(x), y: place(y) },
    layer: [
      {
        mark: { type: "rect", stroke: "white", strokeWidth: 0.5 },
        encoding: {
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
      },
      ...(label === undefined ? [] : [{
        mark: { type: "text", fontSize: 12 },
        encoding: {
          text: { field: fieldOf(value), type: "quantitative", format: label },
          // The ramp grows lighter: dark text reads on its upper half.
          color: {
            condition: { test: `datum[${JSON.stringify(fieldOf(value))}] > ${(least + most) / 2}`, value: "black" },
            value: "white",
          },
        },
      }]),
    ],
  });
}

/** Room for the longest name along the top, as those that overlap would be left out. */
function widest(rows: readonly Row[], column: string): number {
  return Math.ceil(Math.max(...rows.map((row) => textWidth(String(row[column]), LABEL_SIZE)))) + LABEL_SIZE;
}

function extent(rows: readonly Row[], column: string): [number, number] {
  const values = rows.map((row) => Number(row[column]));
  return [Math.min(...values), Math.max(...values)];
}

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

const HEAT_MAPS_OPTIONS: OptionNames<HeatMapsOptions> = {
  rows: true,
  title: true,
  subtitle: true,
  description: true,
  facet: true,
  x: true,
  y: true,
  value: true,
  label: true,
  yFormat: true,
  columns: true,
};

/** Draws small heat maps of one grid, to be compared. */
export function heatMaps(options: HeatMapsOptions): Promise<Chart> {
  checkOptions("heatMaps", options, HEAT_MAPS_OPTIONS);
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
