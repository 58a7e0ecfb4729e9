import { definePolicy } from "./define_policy.ts";
import { checkCounts, checkNumbers, type OptionsOf, withDefaults } from "./options.ts";
import type { Policy } from "./policy.ts";
import { PYRAMID_OPTIONS, pyramidRows } from "./pyramid.ts";
import { SNAPKV_OPTIONS, snapkvDefinition } from "./snapkv.ts";

/** Options of {@linkcode pyramidkv}, with their defaults. */
export const PYRAMIDKV_OPTIONS = {
  ...SNAPKV_OPTIONS,
  /** The smaller, the flatter: the smallest layer gets this part of the mean. */
  beta: PYRAMID_OPTIONS.beta,
  /**
   * The fewest rows a layer may get before the pyramid gives way to equal layers. By default the window, as in kvpress,
   * where few budgets pass; 1 is the paper's reading.
   */
  smallestLayer: "windowSize",
} as const;

/**
 * SnapKV's scores with more rows for low layers than for high ones: PyramidKV (Cai et al. 2024,
 * https://arxiv.org/abs/2406.02069).
 */
export function pyramidkv(options: OptionsOf<typeof PYRAMIDKV_OPTIONS> = {}): Policy {
  checkNumbers("pyramidkv", options, PYRAMIDKV_OPTIONS);
  const { beta = PYRAMIDKV_OPTIONS.beta, smallestLayer = options.windowSize ?? SNAPKV_OPTIONS.windowSize, ...snap } =
    options;
  const { windowSize } = withDefaults("pyramidkv", SNAPKV_OPTIONS, snap);
  checkCounts("pyramidkv", { windowSize, smallestLayer }, 1);
  if (!(beta >= 1)) throw new RangeError(`Cannot use beta ${beta} for pyramidkv as it must be at least 1`);
  const shape = { beta, smallestLayer, window: windowSize };
  return definePolicy({
    ...snapkvDefinition(snap),
    name: "pyramidkv",
    paper: "Cai et al. 2024, https://arxiv.org/abs/2406.02069",
    allocate: (_, budget, layers) => pyramidRows(budget, layers, shape),
  });
}
