import { budgetForRatio, budgetForRows, headRows } from "../../policies/budget.ts";
import type { Budget, Choice, Layer, Policy } from "../../policies/policy.ts";
import type { RowBytes } from "../rows/row_bytes.ts";

/**
 * Chooses rows by a policy for a size. Policies that divide rows among heads may round up: for a size in bytes the
 * policy chooses again with a smaller budget until its rows fit.
 *
 * @param rowBytes bytes of a number of rows
 * @throws {RangeError} if the ratio, rows or bytes cannot be met, or the policy keeps a number of rows of its own
 */
export function chooseRows(policy: Policy, layers: readonly Layer[], to: CompressSize, rowBytes: RowBytes): Choice {
  const lengths = layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length));
  let budget = compressBudget(to, lengths, rowBytes);
  let choice = policy.choose(layers, budget);
  if (!("maxBytes" in to)) return choice;
  let bytes = rowBytes(rowsOf(choice));
  while (bytes > to.maxBytes) {
    const rowEach = rowBytes(rowsOf(choice)) - rowBytes(Math.max(0, rowsOf(choice) - lengths.length));
    const fewer = lowered(budget, Math.ceil((bytes - to.maxBytes) / rowEach), lengths);
    const again = policy.choose(layers, fewer);
    const less = rowBytes(rowsOf(again));
    if (less > to.maxBytes && (fewer.rows === 1 || less === bytes)) {
      throw new RangeError(
        `Cannot compress to ${to.maxBytes} bytes with ${policy.name} as it keeps ${less}: ` +
          `leave out its own numbers, or take a policy that follows a budget`,
      );
    }
    [budget, choice, bytes] = [fewer, again, less];
  }
  return choice;
}

function lowered(budget: Budget, rows: number, lengths: readonly number[]): Budget {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  return budgetForRows(longest, Math.max(1, budget.rows - rows));
}

function rowsOf(choice: Choice): number {
  return choice.flat().reduce((sum, { rows }) => sum + rows.length, 0);
}

/** The size that a compression keeps: a ratio of rows removed, rows a head, or bytes in all. */
export type CompressSize =
  | { readonly compressionRatio: number }
  | { readonly rows: number }
  | { readonly maxBytes: number };

/**
 * The budget for heads of these lengths.
 *
 * @param lengths rows of each head
 * @param rowBytes bytes of a number of rows
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
