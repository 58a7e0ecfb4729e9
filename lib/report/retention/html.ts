import { escapeHtml } from "../render/escape.ts";
import { FONT_FAMILY } from "../render/font.ts";
import { rampColor } from "../render/palette.ts";
import {
  LEGEND_SHARES,
  LEGEND_TEXT,
  LINE_END,
  type RetentionDrawing,
  type RetentionPiece,
  visibleText,
} from "./pieces.ts";

/** Draws texts colored by retention as a page that needs nothing else. */
export function retentionHtml({ title, subtitle, description, sections }: RetentionDrawing, width: number): string {
  const shares = [
    ...new Set([...LEGEND_SHARES, ...sections.flatMap(({ pieces }) => pieces.map(({ retention }) => retention))]),
  ]
    .sort((one, other) => one - other);
  const classOf = new Map(shares.map((share, index) => [share, `s${index}`]));
  const legend = LEGEND_SHARES.map((share) => `<span class="${classOf.get(share)}">${100 * share} %</span>`).join(" ");
  const text = (pieces: readonly RetentionPiece[]): string =>
    pieces.map(({ lines, retention, title }) =>
      `<span class="${classOf.get(retention)}" title="${escape(title)}">${lines.map(lineHtml).join("\n")}</span>`
    ).join("");
  return [
    `<!doctype html>`,
    `<html lang="en">`,
    `<meta charset="utf-8">`,
    `<meta name="viewport" content="width=device-width">`,
    `<meta name="description" content="${escape(description)}">`,
    `<title>${escape(title)}</title>`,
    `<style>`,
    `body { font-family: ${FONT_FAMILY}; max-width: ${width}px; margin: 1em; color: #222222; background: #ffffff; }`,
    `h1 { font-size: 1.2em; } h2 { font-size: 1em; }`,
    `.text { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.8; }`,
    `.text span { padding: 2px 0 4px; margin-right: 1px; }`,
    `.legend span { padding: 2px 8px 4px; }`,
    `i { font-style: normal; user-select: none; }`,
    ...shares.map((share) => `.${classOf.get(share)} { ${styleOf(share)} }`),
    `</style>`,
    `<h1>${escape(title)}</h1>`,
    ...(subtitle === undefined ? [] : [`<p>${escape(subtitle)}</p>`]),
    `<p class="legend">${legend}<br>${escape(LEGEND_TEXT)}</p>`,
    ...sections.map(({ heading, pieces }) => `<h2>${escape(heading)}</h2>\n<p class="text">${text(pieces)}</p>`),
    `</html>\n`,
  ].join("\n");
}

/** The mark of a line's end is no part of what is copied. */
function lineHtml(line: string): string {
  if (!line.endsWith(LINE_END)) return escapeHtml(line);
  return `${escapeHtml(line.slice(0, -LINE_END.length))}<i>${LINE_END}</i>`;
}

function styleOf(share: number): string {
  const { fill, ink } = rampColor(share);
  const colors = `background: ${fill}; color: ${ink};`;
  if (share === 0) return `${colors} text-decoration: line-through;`;
  const line = `linear-gradient(${ink}, ${ink}) left bottom / ${+(100 * share).toFixed(2)}% 2px no-repeat`;
  return `background: ${line}, ${fill}; color: ${ink};`;
}

function escape(text: string): string {
  return escapeHtml(visibleText(text));
}
