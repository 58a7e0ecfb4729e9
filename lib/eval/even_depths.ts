import type { EvaluationRow } from "./evaluation_row.ts";

/**
 * Rows whose needles stand at every depth alike: of each depth the first, in their order.
 *
 * @param rows more than are wanted, their needles anywhere
 * @param perDepth rows of each depth
 * @param depths equal parts of the text, from its beginning to its end; 5 by default
 * @throws {RangeError} if a depth has too few rows
 */
export function evenDepths(rows: readonly EvaluationRow[], perDepth: number, depths = 5): EvaluationRow[] {
  const taken = new Array<number>(depths).fill(0);
  const chosen = rows.filter(({ depth = -1 }) => {
    const place = Math.floor(depth * depths);
    return place >= 0 && place < depths && taken[place]++ < perDepth;
  });
  const poor = taken.findIndex((count) => count < perDepth);
  if (poor < 0) return chosen;
  throw new RangeError(
    `Cannot take ${perDepth} rows of depth ${poor + 1} of ${depths} as there are ${taken[poor]}: write more rows`,
  );
}
