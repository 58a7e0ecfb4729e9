import { type Axis, fieldChannel, fieldOf, numberChannel } from "./axis.ts";
import { type Chart, chart } from "./chart.ts";
import { chartBase, type ChartOptions, distinct } from "./chart_options.ts";
import { seriesScales } from "./palette.ts";

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
