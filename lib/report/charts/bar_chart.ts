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

/** A bar chart: one number a name, the number written at the bar's end. */
export interface BarChartOptions extends ChartOptions {
  /** The names down the side. */
  readonly y: Axis;
  /** The number, from zero. */
  readonly x: Axis;
  /** A d3-format of the numbers at the bars' ends. */
  readonly label: string;
  /** Every name of a family of charts, so that each looks the same in all of them. */
  readonly order?: readonly string[];
}

const BAR_CHART_OPTIONS: OptionNames<BarChartOptions> = {
  ...CHART_OPTIONS,
  x: true,
  y: true,
  label: true,
  order: true,
};

/** Draws one bar a name; the side names the bars and their ends say the number, so color only repeats it. */
export function barChart(options: BarChartOptions): Promise<Chart> {
  checkOptions("barChart", options, BAR_CHART_OPTIONS);
  const { x, y, label, order } = options;
  const { base, rows } = chartBase(options, [fieldOf(x), fieldOf(y)]);
  const { color } = seriesScales(distinct(rows, fieldOf(y)), order);
  const axis = numberChannel(x);
  return chart({
    ...base,
    encoding: { y: nameChannel(y), x: { ...axis, scale: { ...axis.scale as object, zero: true } } },
    layer: [
      {
        mark: { type: "bar" },
        encoding: { color: { ...seriesChannel(y), scale: color, legend: null } },
      },
      {
        mark: { type: "text", align: "left", dx: 4, fontSize: 12, color: "#222" },
        encoding: { text: { field: fieldOf(x), type: "quantitative", format: label } },
      },
    ],
  });
}
