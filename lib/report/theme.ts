import { FONT_FAMILY } from "./font.ts";
import { OKABE_ITO, RAMP } from "./palette.ts";

/** How every chart looks: a Vega-Lite `config`. Nothing is cut off, every text is at least 12 pixels high. */
export const THEME: Readonly<Record<string, unknown>> = {
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
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: "bold",
    labelLimit: 0,
    titleLimit: 0,
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
