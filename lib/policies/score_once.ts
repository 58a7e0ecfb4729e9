import { definePolicy } from "./define_policy.ts";
import type { Layer, Policy, Scores } from "./policy.ts";

/**
 * The same policy, which scores a layer once however many budgets it is asked for, as long as it is given the same layer
 * objects and these do not change. A policy whose scores depend on the budget, or that ranks tokens, is given back as it is.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { definePolicy } from "./define_policy.ts";
 * import { scoreOnce } from "./score_once.ts";
 *
 * let scored = 0;
 * const newest = scoreOnce(definePolicy({
 *   name: "newest",
 *   signals: [],
 *   score: ({ heads }) => (scored++, heads.map(({ positions }) => Float32Array.from(positions))),
 * }));
 * const heads = [{ positions: Int32Array.of(0, 1, 2, 3), signal: () => new Float32Array(0) }];
 * const layers = [{ index: 0, heads, model: { layerCount: 1, headDim: 2, groupSize: 1, rotary: { kinds: [[0]], layers: [0] } } }];
 * for (const rows of [1, 2]) newest.choose(layers, { rows, ratio: 1 - rows / 4 });
 * assertEquals(scored, 1);
 * ```
 */
export function scoreOnce(policy: Policy): Policy {
  const { definition } = policy;
  // A function that declares no budget does not read one.
  if (definition === undefined || definition.score.length !== 1) return policy;
  const known = new WeakMap<Layer, Scores>();
  return definePolicy({
    ...definition,
    score: (layer, budget) => {
      const scores = known.get(layer) ?? definition.score(layer, budget);
      known.set(layer, scores);
      return scores;
    },
  });
}
