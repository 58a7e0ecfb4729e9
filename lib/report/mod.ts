/**
 * Tables, charts and reports that are the same bytes on every run.
 *
 * A {@linkcode table} shows rows or a Polars DataFrame, a {@linkcode chart} shows a Vega-Lite specification; both are
 * displayed where they are the last expression of a notebook cell, and both give the text and the pictures of a report.
 *
 * @example
 * ```ts
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
 * console.log(picture.description, report.join("\n"));
 * ```
 *
 * @module
 */
export type { Axis, AxisOptions } from "./axis.ts";
export { barChart, type BarChartOptions } from "./bar_chart.ts";
export { type Chart, chart, type ChartSpecification } from "./chart.ts";
export type { ChartOptions } from "./chart_options.ts";
export { DISPLAY, type Displayable, type DisplayBundle } from "./display.ts";
export { escapeHtml, escapeMarkdown } from "./escape.ts";
export type { Figure } from "./figure.ts";
export { FONT_FAMILY, FONT_NAME, FONT_VERSION, type FontWeight } from "./font.ts";
export { heatMap, type HeatMapOptions } from "./heat_map.ts";
export { heatMaps, type HeatMapsOptions } from "./heat_maps.ts";
export { intervalChart, type IntervalChartOptions } from "./interval_chart.ts";
export { jsonReport } from "./json_report.ts";
export { lineChart, type LineChartOptions } from "./line_chart.ts";
export { type Measurements, writeMeasurements } from "./measurements.ts";
export { bytes, fixed, type Format, MISSING, percent, plain } from "./number_format.ts";
export { DASHES, OKABE_ITO, RAMP, type SeriesScales, seriesScales, SHAPES } from "./palette.ts";
export { pointChart, type PointChartOptions } from "./point_chart.ts";
export { type ModelProvenance, type Provenance, provenanceLine } from "./provenance.ts";
export { type RampColour, rampColour } from "./ramp_colour.ts";
export { type Cell, listRows, type RecordSource, type Row, type Rows } from "./rows.ts";
export { saveFigure } from "./save_figure.ts";
export { replaceSection, writeSection } from "./section.ts";
export { type SurvivalText, survivalText, type SurvivalTextOptions, type SurvivingText } from "./survival_text.ts";
export type { SurvivingToken } from "./survival_pieces.ts";
export { type Table, table, type TableOptions } from "./table.ts";
export { textWidth } from "./text_width.ts";
export { writeReport } from "./write_report.ts";
