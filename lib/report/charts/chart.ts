import { Buffer } from "node:buffer";
import { DISPLAY, type Displayable, type Figure } from "../render/display.ts";
import { FONT_FAMILY } from "../render/font.ts";
import { OKABE_ITO, RAMP } from "../render/palette.ts";
import { renderPng } from "../render/render_png.ts";
import { renderSvg } from "../render/render_svg.ts";

/** The Vega-Lite version that JupyterLab draws. */
const SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json";

/** A Vega-Lite specification; its description says in words what the picture shows. */
export type ChartSpecification = Readonly<Record<string, unknown>> & { readonly description: string };

/** A chart that a notebook displays and a report takes as SVG and PNG. */
export interface Chart extends Displayable, Figure {
  /** The Vega-Lite specification, whole: theme and data are in it. */
  readonly specification: Readonly<Record<string, unknown>>;
}

/**
 * Draws a Vega-Lite specification in our theme: the last expression of a notebook cell shows it.
 *
 * The display bundle has no HTML form: JupyterLab would prefer it to the live chart.
 *
 * Throws a TypeError where the description is empty, or Vega warns that something would not be drawn.
 *
 * @example
 * ```ts
 * import { chart } from "kvmirror/report";
 *
 * const line = await chart({
 *   description: "Recall falls as fewer rows are kept.",
 *   data: { values: [{ kept: 1, recall: 1 }, { kept: 0.5, recall: 0.8 }] },
 *   mark: { type: "line", point: true },
 *   encoding: { x: { field: "kept", type: "quantitative" }, y: { field: "recall", type: "quantitative" } },
 * });
 * line.svg.startsWith("<svg"); // true
 * ```
 */
export async function chart(specification: ChartSpecification): Promise<Chart> {
  const { description } = specification;
  if (typeof description !== "string" || description.trim() === "") {
    throw new TypeError("Cannot draw a chart without a description: say in words what it shows");
  }
  const whole = { $schema: SCHEMA, config: THEME, ...withOwnNames(specification) };
  const svg = await renderSvg(whole);
  const png = renderPng(svg);
  const bundle = {
    "application/vnd.vegalite.v5+json": whole,
    "image/png": Buffer.from(png).toString("base64"),
    "text/plain": description,
  };
  return { description, title: titleOf(specification), specification: whole, svg, png, [DISPLAY]: () => bundle };
}

/** The heading of a specification, which is text or has it as its `text`. */
function titleOf({ title }: ChartSpecification): string | undefined {
  const text = typeof title === "object" && title !== null && "text" in title ? title.text : title;
  return typeof text === "string" ? text : undefined;
}

/**
 * A copy that Vega can draw: it keeps what it knows of a facet or a name in objects, where a task called `constructor` finds
 * what all objects have. A space behind such a text makes it another name and is not seen.
 */
function withOwnNames<Value>(value: Value): Value {
  if (typeof value === "string") return (value in Object.prototype ? `${value} ` : value) as Value;
  if (Array.isArray(value)) return value.map(withOwnNames) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withOwnNames(inner)])) as Value;
}

/** How every chart looks: a Vega-Lite `config`. Nothing is cut off, every text is at least 12 pixels high. */
const THEME: Readonly<Record<string, unknown>> = {
  font: FONT_FAMILY,
  background: "white",
  padding: 12,
  view: {
    continuousWidth: 480,
    continuousHeight: 280,
    discreteWidth: { step: 32 },
    discreteHeight: { step: 28 },
    stroke: null,
  },
  title: {
    anchor: "start",
    frame: "group",
    fontSize: 15,
    subtitleFontSize: 12,
    subtitleColor: "#444",
    offset: 12,
    subtitlePadding: 4,
  },
  axis: {
    labelFlush: false,
    labelSeparation: 6, // px, where labels would touch every second one is left out
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "bold",
    labelLimit: 0,
    titleLimit: 0,
    maxExtent: 1000, // a title stands beside the longest name, not on it
    labelColor: "#222",
    titleColor: "#222",
    gridColor: "#e4e4e4",
    domainColor: "#666",
    tickColor: "#666",
  },
  header: { labelFontSize: 12, titleFontSize: 12, labelLimit: 0, titleLimit: 0 },
  legend: { labelFontSize: 12, titleFontSize: 12, labelLimit: 0, titleLimit: 0, symbolSize: 90, symbolStrokeWidth: 2 },
  range: { category: OKABE_ITO, heatmap: { scheme: RAMP }, ramp: { scheme: RAMP } },
  line: { strokeWidth: 2 },
  point: { filled: true, opacity: 1, size: 80 },
};
