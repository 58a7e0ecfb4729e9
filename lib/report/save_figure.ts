import { basename } from "node:path";
import { escapeMarkdown } from "./escape.ts";
import type { Figure } from "./figure.ts";
import { writeReport } from "./write_report.ts";

/**
 * Writes `figure` as `NAME.svg` and `NAME.png` into `folder`, and returns the Markdown that shows it in a report beside
 * that folder, its description as the alternative text.
 */
export async function saveFigure(folder: string, name: string, figure: Figure): Promise<string> {
  await writeReport(`${folder}/${name}.svg`, figure.svg);
  await writeReport(`${folder}/${name}.png`, figure.png);
  return `![${escapeMarkdown(figure.description)}](${basename(folder)}/${name}.png)\n`;
}
