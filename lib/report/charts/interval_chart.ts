import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { seriesScales } from "../render/palette.ts";
import { type Chart, chart } from "./chart.ts";
import {
  type Axis,
  CHART_OPTIONS,
  chartBase,
  type ChartOptions,
  distinct,
  fieldOf,
  nameChannel,
  numberChannel,
  seriesChannel,
} from "./chart_options.ts";

/** A chart of estimates and how sure they are. */
export interface IntervalChartOptions extends ChartOptions {
  /** The names down the side. */
  readonly y: Axis;
  /** The estimate, on the horizontal axis. */
  readonly x: Axis;
  /** The column of the interval's lesser end. */
  readonly low: string;
  /** The interval's greater end. */
  readonly high: string;
  /** The column that tells the points of one name apart. */
  readonly series: Axis;
  /** Every series of a family of charts, so that each looks the same in all of them. */
  readonly order?: readonly string[];
}

const INTERVAL_CHART_OPTIONS: OptionNames<IntervalChartOptions> = {
  ...CHART_OPTIONS,
  x: true,
  y: true,
  low: true,
  high: true,
  series: true,
  order: true,
};

/**
 * Draws one point a name and series with its interval as a bar through it; series lie side by side under their name,
 * told apart by color and shape.
 */
export function intervalChart(options: IntervalChartOptions): Promise<Chart> {
  checkOptions("intervalChart", options, INTERVAL_CHART_OPTIONS);
  const { x, y, low, high, series, order } = options;
  const { base, rows } = chartBase(options, [fieldOf(x), fieldOf(y), low, high, fieldOf(series)]);
  const names = distinct(rows, fieldOf(series));
  const scales = seriesScales(names, order);
  const channel = seriesChannel(series);
  return chart({
    ...base,
    height: { step: Math.max(14, 30 / names.length) },
    encoding: {
      y: nameChannel(y),
      yOffset: { field: fieldOf(series), type: "nominal", scale: { domain: scales.color.domain } },
      color: { ...channel, scale: scales.color },
    },
    layer: [
      {
        mark: { type: "rule", strokeWidth: 2 },
        encoding: { x: { ...numberChannel(x), field: low }, x2: { field: high } },
      },
      { mark: { type: "point" }, encoding: { x: numberChannel(x), shape: { ...channel, scale: scales.shape } } },
    ],
  });
}
