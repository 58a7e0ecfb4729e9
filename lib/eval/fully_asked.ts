import type { ScoredCell } from "./evaluated_cell.ts";

/**
 * The policies that answered every row that any policy answered at a ratio, in the order of the cells: those that may be
 * compared over all of these rows.
 */
export function fullyAsked(cells: readonly ScoredCell[], compressionRatio: number): string[] {
  const own = cells.filter(({ compression_ratio }) => compression_ratio === compressionRatio);
  const rows = new Set(own.map(({ index }) => index));
  return [...Map.groupBy(own, ({ policy }) => policy)]
    .filter(([, asked]) => new Set(asked.map(({ index }) => index)).size === rows.size)
    .map(([policy]) => policy);
}
