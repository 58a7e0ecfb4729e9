import { definePolicy } from "./define_policy.ts";
import type { Policy } from "./policy.ts";
import { pyramidRows } from "./pyramid.ts";
import { snapkvDefinition, type SnapkvOptions } from "./snapkv.ts";

/** Options of {@linkcode pyramidkv}. */
export interface PyramidkvOptions extends SnapkvOptions {
  /** The smaller, the flatter: the smallest layer gets this part of the mean; 20 by default. */
  readonly beta?: number;
  /**
   * The fewest rows a layer may get before the pyramid gives way to equal layers. By default the window, as kvpress has
   * it, where few budgets pass; 1 is the paper's reading.
   */
  readonly smallestLayer?: number;
}

/**
 * SnapKV's scores with more rows for low layers than for high ones: PyramidKV (Cai et al. 2024,
 * https://arxiv.org/abs/2406.02069).
 */
export function pyramidkv({ beta = 20, smallestLayer, ...options }: PyramidkvOptions = {}): Policy {
  if (!(beta >= 1)) throw new RangeError(`Cannot use beta ${beta} for pyramidkv as it must be at least 1`);
  const window = options.windowSize ?? 64;
  const shape = { beta, smallestLayer: smallestLayer ?? window, window };
  return definePolicy({
    ...snapkvDefinition(options),
    name: "pyramidkv",
    paper: "Cai et al. 2024, https://arxiv.org/abs/2406.02069",
    allocate: (_, budget, layers) => pyramidRows(budget, layers, shape),
  });
}
