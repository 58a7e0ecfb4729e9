import { definePolicy } from "./define_policy.ts";
import type { Policy } from "./policy.ts";
import { pyramidRows } from "./pyramid_rows.ts";
import { scorerOf } from "./wrap.ts";

/** Options of {@linkcode pyramid}. */
export interface PyramidOptions {
  /** The smaller, the flatter: the smallest layer gets this part of the mean; 20 by default. */
  readonly beta?: number;
  /** The fewest rows a layer may get before the pyramid gives way to equal layers; 1 by default. */
  readonly smallestLayer?: number;
}

/**
 * Another policy's rows, more of them in low layers than in high ones: the budget of PyramidKV (Cai et al. 2024,
 * https://arxiv.org/abs/2406.02069), for any policy.
 *
 * @throws {TypeError} if the policy cannot be wrapped
 * @throws {RangeError} if beta is below 1
 */
export function pyramid(policy: Policy, { beta = 20, smallestLayer = 1 }: PyramidOptions = {}): Policy {
  if (!(beta >= 1)) throw new RangeError(`Cannot use beta ${beta} for pyramid as it must be at least 1`);
  const recipe = scorerOf(policy, "pyramid");
  const shape = { beta, smallestLayer, window: recipe.protect?.recent ?? 0 };
  return definePolicy({
    ...recipe,
    name: `pyramid(${recipe.name})`,
    paper: "Cai et al. 2024, https://arxiv.org/abs/2406.02069",
    allocate: (_, budget, layers) => pyramidRows(budget, layers, shape),
  });
}
