import { budgetForRatio, budgetForRows, headRows } from "../policies/budget.ts";
import type { Budget } from "../policies/policy.ts";
import type { RowBytes } from "./row_bytes.ts";

/** How much a compression keeps: one of three. */
export type CompressSize =
  | { readonly compressionRatio: number }
  | { readonly rows: number }
  | { readonly maxBytes: number };

/**
 * The budget for heads of these lengths.
 *
 * @param lengths rows of each head
 * @param rowBytes what rows take
 * @throws {RangeError} if the ratio is outside [0, 1), the rows are below 1, or the bytes do not hold a row a head
 */
export function compressBudget(to: CompressSize, lengths: readonly number[], rowBytes: RowBytes): Budget {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  if ("compressionRatio" in to) return budgetForRatio(longest, to.compressionRatio);
  if ("rows" in to) return budgetForRows(longest, to.rows);
  return budgetForBytes(to.maxBytes, lengths, longest, rowBytes);
}

/** The largest budget whose rows fit: more rows in the longest head never take fewer bytes in all. */
function budgetForBytes(maxBytes: number, lengths: readonly number[], longest: number, rowBytes: RowBytes): Budget {
  const bytes = (rows: number): number => {
    const budget = budgetForRows(longest, rows);
    return rowBytes(lengths.reduce((sum, length) => sum + headRows(budget, length, longest), 0));
  };
  if (!(maxBytes >= bytes(1))) {
    throw new RangeError(`Cannot compress to ${maxBytes} bytes as one row a head takes ${bytes(1)}`);
  }
  let [fits, tooMany] = [1, longest + 1];
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1;
    if (bytes(middle) <= maxBytes) fits = middle;
    else tooMany = middle;
  }
  return budgetForRows(longest, fits);
}
