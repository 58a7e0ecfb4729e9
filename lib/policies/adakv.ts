import { topK } from "../numeric/top_k.ts";
import { headRows } from "./budget.ts";
import { definePolicy } from "./define_policy.ts";
import { type OptionsOf, withDefaults } from "./options.ts";
import type { Policy, Scores } from "./policy.ts";
import { scorerOf } from "./wrap.ts";

/** Options of {@linkcode adakv}, with their defaults. */
export const ADAKV_OPTIONS = {
  /** The part of its equal share that every head keeps, in [0, 1]. */
  safeguard: 0.2,
} as const;

/**
 * Shares a layer's rows out among its heads: every head keeps a safeguard, then the highest scores of the whole layer
 * stay, whichever head they are in. AdaKV (Feng et al. 2024, https://arxiv.org/abs/2407.11550).
 *
 * @throws {TypeError} if the policy cannot be wrapped
 * @throws {RangeError} if the safeguard is outside [0, 1]
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { adakv, policy } from "kvmirror/policies";
 *
 * assertEquals(adakv(policy("snapkv")).name, policy("adakv(snapkv)").name);
 * ```
 */
export function adakv(policy: Policy, options: OptionsOf<typeof ADAKV_OPTIONS> = {}): Policy {
  const { safeguard } = withDefaults("adakv", ADAKV_OPTIONS, options);
  if (!(safeguard >= 0 && safeguard <= 1)) {
    throw new RangeError(`Cannot safeguard ${safeguard} of a head as it must be in [0, 1]`);
  }
  const definition = scorerOf(policy, "adakv");
  return definePolicy({
    ...definition,
    name: `adakv(${definition.name})`,
    paper: "Feng et al. 2024, https://arxiv.org/abs/2407.11550",
    allocate: (scores, budget, layers) => {
      const longest = Math.max(0, ...layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length)));
      return layers.map(({ heads }, layer) => {
        const equal = heads.map(({ positions }) => headRows(budget, positions.length, longest));
        const safe = equal.map((rows) => safeguard > 0 && rows > 0 ? Math.max(1, Math.floor(rows * safeguard)) : 0);
        return shareOut(scores[layer], safe, equal.reduce((sum, rows) => sum + rows, 0));
      });
    },
  });
}

/** Rows of each head: the safe ones, then of all others the highest of the layer, of equal ones the earlier. */
function shareOut(scores: Scores, safe: readonly number[], total: number): Uint32Array {
  const counts = Uint32Array.from(safe);
  const rest: { head: number; score: number }[] = [];
  scores.forEach((own, head) => {
    const pinned = new Set(topK(own, safe[head]));
    own.forEach((score, row) => {
      if (!pinned.has(row)) rest.push({ head, score });
    });
  });
  const places = total - safe.reduce((sum, rows) => sum + rows, 0);
  for (const index of topK(Float64Array.from(rest, ({ score }) => score), places)) counts[rest[index].head]++;
  return counts;
}
