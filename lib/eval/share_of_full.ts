import { bootstrapStatistic, type StatisticInterval } from "../metrics/bootstrap_statistic.ts";
import type { BootstrapOptions } from "../metrics/paired_bootstrap.ts";
import type { ScoredCell } from "./evaluated_cell.ts";

/**
 * How much of the full cache's score an arm keeps: its mean score over the full cache's on the same rows, with its 95 %
 * interval (bootstrap by context). 1 is all of it; rows that only one of them answered do not count.
 *
 * @param own one arm's cells
 * @param full the full cache's, of the same rows
 * @returns the interval, and `n`: how many rows both answered
 * @throws {RangeError} if no row was answered by both
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type ScoredCell, shareOfFull } from "kvmirror/eval";
 *
 * const cells = (scores: number[]): ScoredCell[] => scores.map((score, index) => (
 *   { policy: "tova", compression_ratio: 0.5, task: "qa", index, context: index, score, kl: [0], agreement: [1], answer_tokens: 1, live_bytes: 1 }));
 * assertEquals(shareOfFull(cells([1, 0, 0.5]), cells([1, 1, 0])).value, 0.75);
 * ```
 */
export function shareOfFull(
  own: readonly ScoredCell[],
  full: readonly ScoredCell[],
  { seed = 42, resamples = 2000 }: BootstrapOptions = {},
): StatisticInterval & { readonly n: number } {
  const scores = new Map(own.map(({ index, score }) => [index, score]));
  const shared = full.filter(({ index }) => scores.has(index));
  if (shared.length === 0) throw new RangeError("Cannot compare with the full cache as no row was answered by both");
  const contexts = [...Map.groupBy(shared, ({ context }) => context).values()];
  const sum = (rows: readonly ScoredCell[], score: (row: ScoredCell) => number) =>
    rows.reduce((total, row) => total + score(row), 0);
  const share = (drawn: readonly ScoredCell[][]) => {
    const rows = drawn.flat();
    return sum(rows, ({ index }) => scores.get(index)!) / sum(rows, ({ score }) => score);
  };
  return { ...bootstrapStatistic(contexts, share, { seed, resamples }), n: shared.length };
}
