import type { DisplayBundle } from "./display.ts";

/** What a cell shows of a value: its name, facts of it, and shares of its parts as bars. */
export interface ShownFacts {
  /** What it is. */
  readonly name: string;
  /** Facts in the order in which they are read, each with its name. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** Shares in [0, 1], a bar each, and what they are; none where there are none. */
  readonly bars?: { readonly caption: string; readonly shares: readonly number[] };
}

/** Pixels of a bar, and of all bars' height. */
const BAR = { width: 7, gap: 2, height: 36 };

/** A value's facts as a line of text and as a small table; colors are those of the page around it. */
export function factsDisplay({ name, facts, bars }: ShownFacts): DisplayBundle {
  const rows = facts.map(([fact, value]) =>
    `<tr><th scope="row" style="text-align:left">${escape(fact)}</th><td style="text-align:left">${
      escape(value)
    }</td></tr>`
  );
  const picture = bars === undefined || bars.shares.length === 0 ? "" : barsPicture(bars.caption, bars.shares);
  return {
    "text/plain": `${name}: ${facts.map(([fact, value]) => `${fact} ${value}`).join(", ")}`,
    "text/html": `<div><strong>${escape(name)}</strong><table><tbody>${rows.join("")}</tbody></table>${picture}</div>`,
  };
}

/**
 * Bars of the share of rows that each layer keeps; none where a layer had no rows.
 *
 * @param kept rows that stay, a layer each
 * @param whole rows that there were
 */
export function keptBars(kept: readonly number[], whole: readonly number[]): Pick<ShownFacts, "bars"> {
  if (whole.some((rows) => rows === 0)) return {};
  const shares = kept.map((rows, layer) => rows / whole[layer]);
  return { bars: { caption: "share of rows kept, layer by layer", shares } };
}

/** Bytes in MiB, as every display says them: `13.4 MiB`. */
export function inMebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 / 10 ? 3 : 1)} MiB`;
}

/** A count with thousands separators: `54,720`. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

function barsPicture(caption: string, shares: readonly number[]): string {
  const { width, gap, height } = BAR;
  const drawn = shares.map((share, index) => {
    const x = index * (width + gap);
    const filled = Math.max(0, Math.min(1, share)) * height;
    const said = `<title>${index}: ${(100 * share).toFixed(1)} %</title>`;
    return `<g>${said}<rect x="${x}" y="0.5" width="${width}" height="${height}" fill="none" stroke="currentColor" stroke-opacity="0.35"/>` +
      `<rect x="${x}" y="${(height - filled + 0.5).toFixed(1)}" width="${width}" height="${
        filled.toFixed(1)
      }" fill="currentColor"/></g>`;
  });
  const words = `${caption}: ${shares.map((share) => `${(100 * share).toFixed(0)} %`).join(", ")}`;
  return `<div>${escape(caption)}</div><svg role="img" aria-label="${escape(words)}" width="${
    shares.length * (width + gap)
  }" height="${height + 1}">${drawn.join("")}</svg>`;
}

/** Escapes text for HTML, in an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function escape(text: string): string {
  return escapeHtml(text.toWellFormed());
}
