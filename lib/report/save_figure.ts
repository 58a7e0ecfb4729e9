import { basename } from "node:path";
import type { Chart } from "./chart.ts";
import { escapeMarkdown } from "./escape.ts";
import { writeReport } from "./write_report.ts";

/**
 * Writes `chart` as `NAME.svg` and `NAME.png` into `folder`, and returns the Markdown that shows it in a report beside
 * that folder, its description as the alternative text.
 */
export async function saveFigure(folder: string, name: string, chart: Chart): Promise<string> {
  await writeReport(`${folder}/${name}.svg`, chart.svg);
  await writeReport(`${folder}/${name}.png`, chart.png);
  return `![${escapeMarkdown(chart.description)}](${basename(folder)}/${name}.png)\n`;
}
