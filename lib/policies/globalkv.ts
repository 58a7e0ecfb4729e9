import { definePolicy } from "./define_policy.ts";
import type { Policy } from "./policy.ts";
import { shareOverModel } from "./share_over_model.ts";
import { scorerOf } from "./wrap.ts";

/**
 * Shares the whole model's rows out: the highest scores stay, whichever layer and head they are in. Scores must be
 * comparable between layers, as shares of attention are. A budget of KVzip's (Kim et al. 2025,
 * https://arxiv.org/abs/2505.23416), for any policy.
 *
 * @throws {TypeError} if the policy cannot be wrapped
 */
export function globalkv(policy: Policy): Policy {
  const recipe = scorerOf(policy, "globalkv");
  return definePolicy({
    ...recipe,
    name: `globalkv(${recipe.name})`,
    allocate: (scores, budget, layers) => shareOverModel(scores, budget, layers, recipe.protect),
  });
}
