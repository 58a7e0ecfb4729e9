import { budgetForRows } from "../policies/budget.ts";
import type { Budget, Choice, Layer, Policy } from "../policies/policy.ts";
import { compressBudget, type CompressSize } from "./compress_budget.ts";
import type { RowBytes } from "./row_bytes.ts";

/**
 * Has a policy choose rows for a size. Policies that share rows out may round up: where bytes are given they are asked
 * again for less, until what they keep fits.
 *
 * @param rowBytes what rows take
 * @throws {RangeError} if the ratio, rows or bytes cannot be met, or the policy keeps its own number of rows
 */
export function chooseRows(policy: Policy, layers: readonly Layer[], to: CompressSize, rowBytes: RowBytes): Choice {
  const lengths = layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length));
  let budget = compressBudget(to, lengths, rowBytes);
  let choice = policy.choose(layers, budget);
  if (!("maxBytes" in to)) return choice;
  let bytes = rowBytes(rowsOf(choice));
  while (bytes > to.maxBytes) {
    const aRowEach = rowBytes(rowsOf(choice)) - rowBytes(Math.max(0, rowsOf(choice) - lengths.length));
    const fewer = lowered(budget, Math.ceil((bytes - to.maxBytes) / aRowEach), lengths);
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
