import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { Buffer } from "node:buffer";
import { mean } from "../../numeric/mean.ts";
import { DISPLAY, type Displayable, type Figure } from "../render/display.ts";
import { renderPng } from "../render/render_png.ts";
import { percent } from "../table/number_format.ts";
import { retentionHtml } from "./html.ts";
import { type RetainedToken, type RetentionDrawing, retentionPieces } from "./pieces.ts";
import { retentionSvg } from "./svg.ts";

/** A text as one run left it. */
export interface RetainedText {
  /** What it is called: the policy. */
  readonly name: string;
  /** The text. */
  readonly tokens: readonly RetainedToken[];
}

/** A picture of texts, colored by retention. */
export interface RetentionTextOptions {
  /** One below the other: the same text under several policies, say. */
  readonly texts: readonly RetainedText[];
  /** The claim, as a sentence. */
  readonly title: string;
  /** What was measured, on what. */
  readonly subtitle?: string;
  /** What the picture shows, in words; by default, the share of rows that each text kept. */
  readonly description?: string;
  /** Pixels of a line of text; 720 by default. */
  readonly width?: number;
}

const RETENTION_TEXT_OPTIONS: OptionNames<RetentionTextOptions> = {
  texts: true,
  title: true,
  subtitle: true,
  description: true,
  width: true,
};

/** Texts colored by retention: a notebook displays them, a report takes SVG and PNG, a browser the page. */
export interface RetentionText extends Displayable, Figure {
  /** A whole page that needs nothing else; pointing at a token tells its number and share. */
  readonly html: string;
}

/**
 * Colors texts, token by token, by the share of kv heads that still hold each: light where all do, dark where
 * none does. Color is never alone: a line under each token is as long as its share, and what no head holds is struck
 * out. `¶` is a line end, `·` a space that is a token.
 *
 * Characters that the font of the PNG lacks are boxes there; HTML and SVG show them where the viewer has them.
 *
 * @throws {RangeError} if there are no texts, one is empty, or a share is not in [0, 1]
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { retentionText } from "kvmirror/report";
 *
 * const tokens = [{ text: "Call", retention: 1 }, { text: " me", retention: 0 }, { text: " Ishmael", retention: 0.5 }];
 * const { html, svg } = retentionText({ title: "Half of the heads know the name", texts: [{ name: "hybrid", tokens }] });
 * for (const picture of [html, svg]) assertStringIncludes(picture, "Half of the heads know the name");
 * ```
 */
export function retentionText(
  options: RetentionTextOptions,
): RetentionText {
  checkOptions("retentionText", options, RETENTION_TEXT_OPTIONS);
  const { texts, title, subtitle, description, width = 720 } = options;
  if (texts.length === 0) throw new RangeError("Cannot color 0 texts: give at least one");
  if (!(width >= 200 && width <= 10_000)) {
    throw new RangeError(`Cannot draw lines of ${width} pixels as it must be in [200, 10000]`);
  }
  const shares = texts.map(({ name, tokens }) => `${name} ${percent(1)(meanRetention(tokens))}`);
  const drawing: RetentionDrawing = {
    title,
    subtitle,
    description: description ?? `${title}. Rows kept: ${shares.join(", ")}.`,
    sections: texts.map(({ name, tokens }) => ({
      heading: `${name}: ${percent(1)(meanRetention(tokens))} of rows kept`,
      pieces: retentionPieces(tokens),
    })),
  };
  const svg = retentionSvg(drawing, width);
  let png: Uint8Array<ArrayBuffer> | undefined;
  const picture = {
    description: drawing.description,
    html: retentionHtml(drawing, width),
    svg,
    get png() {
      return png ??= renderPng(svg);
    },
    [DISPLAY]: () => ({
      "image/png": Buffer.from(picture.png).toString("base64"),
      "text/plain": drawing.description,
    }),
  };
  return picture;
}

function meanRetention(tokens: readonly RetainedToken[]): number {
  return mean(tokens.map(({ retention }) => retention));
}
