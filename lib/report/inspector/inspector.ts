import type { Inspection } from "../../metrics/inspection.ts";
import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { DISPLAY, type Displayable } from "../render/display.ts";
import { escapeHtml } from "../render/escape.ts";
import { inspectorPage } from "./inspector_page.ts";

/** Options of {@linkcode inspector}. */
export interface InspectorOptions {
  /** The page's heading; by default it names the policies. */
  readonly title?: string;
  /** Pixels of the frame in a notebook; 900 by default. */
  readonly height?: number;
}

const INSPECTOR_OPTIONS: OptionNames<InspectorOptions> = { title: true, height: true };

/** The inspector of a text: a notebook displays it, and `html` is a file that opens without a server. */
export interface Inspector extends Displayable {
  /** What it shows, in words. */
  readonly description: string;
  /** A whole page that needs nothing else. */
  readonly html: string;
}

/**
 * Shows what policies keep of a text, token by token: for each token the layers and kv heads that still hold it, along
 * the ratio and, for bounded runs, along the tokens read; policies side by side, each with its answer.
 *
 * @param inspection what `inspectRetention` of `kvmirror/eval` ran, or what you put together
 * @throws {RangeError} if it has no tracks, or positions that its text does not have
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { inspector } from "kvmirror/report";
 *
 * const frames = [{ tokens: 3, compressionRatio: 0.5, kept: [[[0, 2], [2]]], answer: "Ishmael" }];
 * const tokens = ["Call", " me", " Ishmael"];
 * const { html } = inspector({ tokens, tracks: [{ policy: "mine", along: "ratio", frames }] });
 * assertStringIncludes(html, "<q>Ishmael</q>");
 * ```
 */
export function inspector(inspection: Inspection, options: InspectorOptions = {}): Inspector {
  checkOptions("inspector", options, INSPECTOR_OPTIONS);
  const { height = 900 } = options;
  if (!(height >= 100 && height <= 10_000)) {
    throw new RangeError(`Cannot show an inspector ${height} pixels high as it must be in [100, 10000]`);
  }
  const names = [...new Set(inspection.tracks.map(({ policy }) => policy))];
  const title = options.title ?? `What ${names.join(", ")} keep${names.length === 1 ? "s" : ""}`;
  const html = inspectorPage(inspection, { title });
  const description = `${title} of ${inspection.tokens.length} tokens`;
  return {
    description,
    html,
    [DISPLAY]: () => ({
      // A frame of its own: the page's style and script meet nothing of the notebook's.
      "text/html": `<iframe title="${escapeHtml(title)}" srcdoc="${
        escapeHtml(html)
      }" sandbox="allow-scripts" style="width:100%;height:${height}px;border:0"></iframe>`,
      "text/plain": description,
    }),
  };
}
