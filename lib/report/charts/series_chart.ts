import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { type SeriesScales, seriesScales } from "../render/palette.ts";
import { type Chart, chart } from "./chart.ts";
import {
  type Axis,
  CHART_OPTIONS,
  chartBase,
  type ChartOptions,
  distinct,
  fieldOf,
  numberChannel,
  seriesChannel,
} from "./chart_options.ts";

/** A chart of numbers over numbers, by series. */
export interface SeriesChartOptions extends ChartOptions {
  /** The numbers on the horizontal axis. */
  readonly x: Axis;
  /** The numbers on the vertical axis. */
  readonly y: Axis;
  /** The column that tells the series apart. */
  readonly series: Axis;
  /** Every series of a family of charts, so that each looks the same in all of them. */
  readonly order?: readonly string[];
}

const SERIES_CHART_OPTIONS: OptionNames<SeriesChartOptions> = {
  ...CHART_OPTIONS,
  x: true,
  y: true,
  series: true,
  order: true,
};

/**
 * Draws one line a series, told apart by color, dash and point shape.
 *
 * @example
 * ```ts
 * import { lineChart } from "kvmirror/report";
 *
 * await lineChart({
 *   rows: [{ window: 64, recall: 0.8, policy: "hybrid" }, { window: 128, recall: 0.9, policy: "hybrid" }],
 *   x: "window",
 *   y: "recall",
 *   series: "policy",
 *   title: "A wider window finds more",
 *   description: "Recall rises from 0.8 to 0.9 as the window doubles.",
 * });
 * ```
 */
export function lineChart(options: SeriesChartOptions): Promise<Chart> {
  checkOptions("lineChart", options, SERIES_CHART_OPTIONS);
  return seriesChart(options, (series, { strokeDash, shape }) => ({
    resolve: { legend: { strokeDash: "independent" } },
    layer: [
      { mark: { type: "line" }, encoding: { strokeDash: { ...series, scale: strokeDash, legend: null } } },
      { mark: { type: "point" }, encoding: { shape: { ...series, scale: shape } } },
    ],
  }));
}

/** Draws one point a row, series told apart by color and shape; later rows lie on top. */
export function pointChart(options: SeriesChartOptions): Promise<Chart> {
  checkOptions("pointChart", options, SERIES_CHART_OPTIONS);
  return seriesChart(options, (series, { shape }) => ({
    mark: { type: "point", size: 36 },
    encoding: { shape: { ...series, scale: shape } },
  }));
}

/** Draws numbers over numbers with the marks given, which have the channel of the series and its scales. */
function seriesChart(
  options: SeriesChartOptions,
  marks: (series: object, scales: SeriesScales) => Readonly<Record<string, object>>,
): Promise<Chart> {
  const { x, y, series, order } = options;
  const { base, rows } = chartBase(options, [fieldOf(x), fieldOf(y), fieldOf(series)]);
  const scales = seriesScales(distinct(rows, fieldOf(series)), order);
  const channel = seriesChannel(series);
  const { encoding, ...drawn } = marks(channel, scales);
  const color = { ...channel, scale: scales.color };
  return chart({ ...base, ...drawn, encoding: { x: numberChannel(x), y: numberChannel(y), color, ...encoding } });
}
