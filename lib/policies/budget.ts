import type { Budget, Layer } from "./policy.ts";

/** Rows that stay of `length` at compression ratio `ratio`: `max(1, floor(length · (1 − ratio)))`, and none of none. */
export function keptRows(length: number, ratio: number): number {
  return length === 0 ? 0 : Math.max(1, Math.floor(length * (1 - ratio)));
}

/**
 * The budget that removes a fraction of the rows.
 *
 * @param length rows of the longest head
 * @param compressionRatio fraction of rows removed, in [0, 1)
 * @throws {RangeError} if the ratio is outside [0, 1)
 */
export function budgetForRatio(length: number, compressionRatio: number): Budget {
  if (!(compressionRatio >= 0 && compressionRatio < 1)) {
    throw new RangeError(`Cannot compress to ratio ${compressionRatio} as it must be in [0, 1)`);
  }
  return { ratio: compressionRatio, rows: keptRows(length, compressionRatio) };
}

/**
 * The budget that leaves `rows` rows in the longest head, and in proportion in shorter ones.
 *
 * @param length rows of the longest head
 * @throws {RangeError} if `rows` is not a whole number of at least 1
 */
export function budgetForRows(length: number, rows: number): Budget {
  if (!Number.isSafeInteger(rows) || rows < 1) {
    throw new RangeError(`Cannot keep ${rows} rows as it must be a whole number of at least 1`);
  }
  return rows >= length ? { ratio: 0, rows: length } : { ratio: 1 - rows / length, rows };
}

/** Rows that stay in a head of `length` rows when the longest head has `longest`. */
export function headRows(budget: Budget, length: number, longest: number): number {
  if (budget.ratio === 0) return length;
  return length === longest ? Math.min(budget.rows, length) : keptRows(length, budget.ratio);
}

/** Counts of the heads of all layers, one after the other, as `[layer][kv head]`. */
export function countsByLayer(counts: Uint32Array, layers: readonly Layer[]): Uint32Array[] {
  let first = 0;
  return layers.map(({ heads }) => counts.subarray(first, first += heads.length));
}

/** How many rows of a head are among the text's first tokens or the head's newest rows. */
export function nearRows(positions: Int32Array, sinks: number, recent: number): number {
  return positions.filter((position, row) => position < sinks || row >= positions.length - recent).length;
}
