/**
 * Tables, charts and reports that are the same bytes on every run.
 *
 * A {@linkcode table} shows rows or a Polars DataFrame, a {@linkcode chart} shows a Vega-Lite specification; both are
 * displayed where they are the last expression of a notebook cell, and both give the text and the pictures of a report.
 *
 * @example
 * ```ts
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 * import { barChart, fixed, provenanceLine, table } from "kvmirror/report";
 *
 * const rows = [{ policy: "recent_window", recall: 0.9479 }, { policy: "hybrid", recall: 0.9896 }];
 * const picture = await barChart({
 *   rows,
 *   y: "policy",
 *   x: "recall",
 *   label: ".2f",
 *   title: "Hybrid finds more",
 *   description: "Bars: recall 0.95 of recent_window, 0.99 of hybrid.",
 * });
 * const report = [table(rows, { formats: { recall: fixed(4) } }).markdown, provenanceLine({ command: "…", seed: 42 })];
 * assertStringIncludes(report.join("\n"), "0.9896");
 * assertEquals(picture.description, "Bars: recall 0.95 of recent_window, 0.99 of hybrid.");
 * ```
 *
 * @module
 */
export { type Axis, type AxisOptions } from "./charts/chart_options.ts";
export { barChart, type BarChartOptions } from "./charts/bar_chart.ts";
export { type Chart, chart, type ChartSpecification } from "./charts/chart.ts";
export { type ChartOptions } from "./charts/chart_options.ts";
export { DISPLAY, type Displayable, type DisplayBundle } from "./render/display.ts";
export { escapeHtml, escapeMarkdown } from "./render/escape.ts";
export { type Figure } from "./render/display.ts";
export { FONT_FAMILY, FONT_NAME, FONT_VERSION, type FontWeight } from "./render/font.ts";
export { heatMap, type HeatMapOptions } from "./charts/heat_map.ts";
export { heatMaps, type HeatMapsOptions } from "./charts/heat_map.ts";
export { intervalChart, type IntervalChartOptions } from "./charts/interval_chart.ts";
export { jsonReport } from "./files/write_report.ts";
export { lineChart, type LineChartOptions } from "./charts/series_chart.ts";
export { type Measurements, writeMeasurements } from "./files/measurements.ts";
export { bytes, fixed, type Format, MISSING, percent, plain } from "./table/number_format.ts";
export { DASHES, OKABE_ITO, RAMP, type SeriesScales, seriesScales, SHAPES } from "./render/palette.ts";
export { pointChart, type PointChartOptions } from "./charts/series_chart.ts";
export { type ModelProvenance, type Provenance, provenanceLine } from "./files/provenance.ts";
export { type RampColor, rampColor } from "./render/palette.ts";
export { type Cell, listRows, type RecordSource, type Row, type Rows } from "./table/records.ts";
export { saveFigure } from "./files/write_report.ts";
export { replaceSection, writeSection } from "./files/section.ts";
export {
  type RetainedText,
  type RetentionText,
  retentionText,
  type RetentionTextOptions,
} from "./retention/retention_text.ts";
export { type RetainedToken } from "./retention/pieces.ts";
export { type Table, table, type TableOptions } from "./table/table.ts";
export { textWidth } from "./render/font.ts";
export { writeReport } from "./files/write_report.ts";
