import { mean } from "./mean.ts";
import type { Vector } from "./vectors.ts";

/** Standard deviations are taken to be no smaller, so that numbers that are all the same stay finite. */
const SMALLEST_DEVIATION = 1e-6;

/**
 * Numbers less the mean of all lists, in standard deviations (of a sample) of all: `[list][n]` → `[list][n]`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { standardScores } from "./standard_scores.ts";
 *
 * assertEquals(standardScores([Float64Array.of(1, 3), Float64Array.of(2)]), [Float64Array.of(-1, 1), Float64Array.of(0)]);
 * ```
 */
export function standardScores(lists: readonly Vector[]): Float64Array[] {
  const all = lists.flatMap((list) => [...list]);
  const middle = mean(all);
  const variance = all.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, all.length - 1);
  const deviation = Math.max(Math.sqrt(variance), SMALLEST_DEVIATION);
  return lists.map((list) => Float64Array.from(list, (value) => (value - middle) / deviation));
}
