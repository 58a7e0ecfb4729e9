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
export { barChart, type BarChartOptions } from "./charts/bar_chart.ts";
export { type Chart, chart, type ChartSpecification } from "./charts/chart.ts";
export { type Axis, type AxisOptions, type ChartOptions } from "./charts/chart_options.ts";
export { heatMap, type HeatMapOptions, heatMaps, type HeatMapsOptions } from "./charts/heat_map.ts";
export { intervalChart, type IntervalChartOptions } from "./charts/interval_chart.ts";
export { lineChart, pointChart, type SeriesChartOptions } from "./charts/series_chart.ts";
export { type Measurements, writeMeasurements } from "./files/measurements.ts";
export { type ModelProvenance, type Provenance, provenanceLine } from "./files/provenance.ts";
export { writeSection } from "./files/section.ts";
export { jsonReport, saveFigure, writeReport } from "./files/write_report.ts";
export { type Inspector, inspector, type InspectorOptions } from "./inspector/inspector.ts";
export { DISPLAY, type Displayable, type DisplayBundle, type Figure } from "./render/display.ts";
export { escapeMarkdown } from "./render/escape.ts";
export { type RetainedToken } from "./retention/pieces.ts";
export {
  type RetainedText,
  type RetentionText,
  retentionText,
  type RetentionTextOptions,
} from "./retention/retention_text.ts";
export { bytes, fixed, type Format, percent, plain } from "./table/number_format.ts";
export { type Cell, type RecordSource, type Row, type Rows } from "./table/records.ts";
export { type Table, table, type TableOptions } from "./table/table.ts";
