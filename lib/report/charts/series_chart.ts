import { seriesScales } from "../render/palette.ts";
import { type Chart, chart } from "./chart.ts";
import {
  type Axis,
  chartBase,
  type ChartOptions,
  distinct,
  fieldChannel,
  fieldOf,
  numberChannel,
} from "./chart_options.ts";

/** A line chart: numbers over numbers, one line a series. */
export interface LineChartOptions extends ChartOptions {
  /** The numbers on the horizontal axis. */
  readonly x: Axis;
  /** The numbers on the vertical axis. */
  readonly y: Axis;
  /** The column that tells lines apart. */
  readonly series: Axis;
  /** Every series of a family of charts, so that each looks the same in all of them. */
  readonly order?: readonly string[];
}

/**
 * Draws one line a series, told apart by colour, dash and point shape.
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
export function lineChart(options: LineChartOptions): Promise<Chart> {
  const { x, y, series, order } = options;
  const { base, rows } = chartBase(options, [fieldOf(x), fieldOf(y), fieldOf(series)]);
  const scales = seriesScales(distinct(rows, fieldOf(series)), order);
  const channel = { ...fieldChannel(series), type: "nominal", sort: null };
  return chart({
    ...base,
    resolve: { legend: { strokeDash: "independent" } },
    encoding: {
      x: numberChannel(x),
      y: numberChannel(y),
      color: { ...channel, scale: scales.color },
    },
    layer: [
      { mark: { type: "line" }, encoding: { strokeDash: { ...channel, scale: scales.strokeDash, legend: null } } },
      { mark: { type: "point" }, encoding: { shape: { ...channel, scale: scales.shape } } },
    ],
  });
}

/** A point chart: one point a row. */
export interface PointChartOptions extends ChartOptions {
  /** The numbers on the horizontal axis. */
  readonly x: Axis;
  /** The numbers on the vertical axis. */
  readonly y: Axis;
  /** The column that tells points apart. */
  readonly series: Axis;
  /** Every series of a family of charts, so that each looks the same in all of them. */
  readonly order?: readonly string[];
}

/** Draws one point a row, series told apart by colour and shape; later rows lie on top. */
export function pointChart(options: PointChartOptions): Promise<Chart> {
  const { x, y, series, order } = options;
  const { base, rows } = chartBase(options, [fieldOf(x), fieldOf(y), fieldOf(series)]);
  const scales = seriesScales(distinct(rows, fieldOf(series)), order);
  const channel = { ...fieldChannel(series), type: "nominal", sort: null };
  return chart({
    ...base,
    mark: { type: "point", size: 36 },
    encoding: {
      x: numberChannel(x),
      y: numberChannel(y),
      color: { ...channel, scale: scales.color },
      shape: { ...channel, scale: scales.shape },
    },
  });
}
