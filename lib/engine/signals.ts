import type { Need } from "../policies/policy.ts";

/** Attention to record while tokens are read: from every query, or from the last so many of a call. */
export type AttentionTap = "all" | number;

/** What to record while tokens are read: attention, or the moments of the queries. */
export type Tap = AttentionTap | "moments";

/** What a prefill records unless it is told otherwise: H2O's sum, the newest query, SnapKV's window, query moments. */
export const DEFAULT_TAPS: readonly Tap[] = ["all", 1, 64, "moments"];

/** The tap that serves a need; undefined if the need is not about attention, or nothing recorded serves it. */
export function tapOf(need: Need, taps: readonly AttentionTap[]): number | undefined {
  if (typeof need === "string" || need.attention !== "sum" || need.decay !== undefined) return undefined;
  const index = taps.indexOf(need.queries);
  return index < 0 ? undefined : index;
}

/**
 * What each new query adds to each tap: `[taps, groupSize · count]`, a mean over the query heads of the group.
 *
 * @param start index of the chunk's first token in the call
 * @param total tokens of the call
 */
export function queryWeights(
  taps: readonly AttentionTap[],
  { start, count, total, groupSize }: { start: number; count: number; total: number; groupSize: number },
): Float32Array {
  const weights = new Float32Array(taps.length * groupSize * count);
  taps.forEach((tap, index) => {
    const first = tap === "all" ? 0 : Math.max(0, total - tap - start);
    for (let head = 0; head < groupSize && first < count; head++) {
      const row = (index * groupSize + head) * count;
      weights.fill(1 / groupSize, row + first, row + count);
    }
  });
  return weights;
}
