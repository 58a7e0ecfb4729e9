import type { SurvivalPiece } from "./survival_pieces.ts";

/** A text's heading and pieces, as they are drawn. */
export interface SurvivalSection {
  readonly heading: string;
  readonly pieces: readonly SurvivalPiece[];
}

/** What HTML and SVG are drawn from. */
export interface SurvivalDrawing {
  readonly title: string;
  readonly description: string;
  readonly subtitle?: string;
  readonly sections: readonly SurvivalSection[];
}

/** The shares that the legend shows. */
export const LEGEND_SHARES: readonly number[] = [0, 0.25, 0.5, 0.75, 1];

/** What the legend says. */
export const LEGEND_TEXT =
  "Share of kv heads that still hold a token; the line under it is as long as that share. Struck out: gone from all.";
