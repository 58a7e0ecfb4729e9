import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { textWidth } from "./font.ts";

/** A text mark, as Vega asks for its width. */
interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
}

// Vega has no canvas here to measure text with, and this is the place it offers to a host that knows its font.
// Its own types leave these two exports out.
const { textMetrics, resetSVGDefIds } = vega as unknown as {
  textMetrics: { width(item: TextItem, text: unknown): number };
  resetSVGDefIds(): void;
};
textMetrics.width = (item, text) => {
  const bold = item.fontWeight === "bold" || Number(item.fontWeight) >= 600;
  return textWidth(String(text ?? "").trim(), item.fontSize ?? 11, bold ? "bold" : "regular");
};

let previous: Promise<unknown> = Promise.resolve();

/**
 * Draws a Vega-Lite specification as SVG: the same bytes for the same specification, whatever was drawn before.
 * Vega numbers the definitions of a document from one global counter, so charts are drawn one after the other.
 *
 * Throws a TypeError where Vega-Lite or Vega warns: a warning says that something is not drawn.
 */
export function renderSvg(specification: object): Promise<string> {
  const drawn = previous.catch(() => {}).then(() => draw(specification));
  previous = drawn;
  return drawn;
}

async function draw(specification: object): Promise<string> {
  // Vega numbers the data's rows in place, from another global counter.
  const compiled = compile(structuredClone(specification) as TopLevelSpec, { logger: refusingLogger() });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none", logger: refusingLogger() });
  try {
    await view.runAsync();
    resetSVGDefIds();
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}

function refusingLogger(): vega.LoggerInterface {
  const refuse = (...messages: readonly unknown[]): never => {
    throw new TypeError(`Cannot draw the chart as specified: ${messages.map(String).join(" ")}`);
  };
  const logger: vega.LoggerInterface = {
    level: ((_?: number) => _ === undefined ? vega.Warn : logger) as vega.LoggerInterface["level"],
    error: refuse,
    warn: refuse,
    info: () => logger,
    debug: () => logger,
  };
  return logger;
}
