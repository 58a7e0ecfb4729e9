import { topK } from "../numeric/top_k.ts";
import { definePolicy, raisedScores } from "./define_policy.ts";
import { type OptionsOf, withDefaults } from "./options.ts";
import type { Policy } from "./policy.ts";
import { scorerOf } from "./wrap.ts";

/** Added to scores, so that values count where attention is next to nothing. */
const EPSILON = 1e-4;
/** The highest number of a float32: kvpress's mark of a row that stays. */
const PINNED = 2 ** 128 - 2 ** 104;

/** Options of {@linkcode criticalkv}, with their defaults. */
export const CRITICALKV_OPTIONS = {
  /** The part of the budget that the policy's own scores fill, in [0, 1]. */
  firstStage: 0.5,
} as const;

/**
 * Half of the rows by another policy's scores, the rest by those scores times what the row's value writes into the
 * residual stream, ‖W_o v‖₁: CriticalKV (Feng et al. 2025, https://arxiv.org/abs/2502.03805), as kvpress has it.
 *
 * @throws {TypeError} if the policy cannot be wrapped
 * @throws {RangeError} if the first stage is outside [0, 1]
 */
export function criticalkv(policy: Policy, options: OptionsOf<typeof CRITICALKV_OPTIONS> = {}): Policy {
  const { firstStage } = withDefaults("criticalkv", CRITICALKV_OPTIONS, options);
  if (!(firstStage >= 0 && firstStage <= 1)) {
    throw new RangeError(`Cannot fill ${firstStage} of the budget in criticalkv's first stage as it must be in [0, 1]`);
  }
  const definition = scorerOf(policy, "criticalkv");
  return definePolicy({
    name: `criticalkv(${definition.name})`,
    paper: "Feng et al. 2025, https://arxiv.org/abs/2502.03805",
    signals: [...definition.signals, "outputNorm1"],
    score: (layer, budget) =>
      raisedScores(definition, layer, budget).map((own, kvHead) => {
        const norms = layer.heads[kvHead].signal("outputNorm1");
        const scores = Float64Array.from(own, (score, row) => (score + EPSILON) * norms[row]);
        const first = Math.floor((1 - budget.ratio) * own.length * firstStage);
        for (const row of topK(own, firstStage > 0 ? Math.max(1, first) : 0)) scores[row] = PINNED;
        return scores;
      }),
  });
}
