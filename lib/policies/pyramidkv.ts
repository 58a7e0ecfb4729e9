import { definePolicy } from "./define_policy.ts";
import { headRows } from "./budget.ts";
import type { Budget, Layer, Policy } from "./policy.ts";
import { type SnapkvOptions, snapkvRecipe } from "./snapkv.ts";

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
  const least = smallestLayer ?? options.windowSize ?? 64;
  const steps = { beta, least, windowSize: options.windowSize ?? 64 };
  return definePolicy({
    ...snapkvRecipe(options),
    name: "pyramidkv",
    paper: "Cai et al. 2024, https://arxiv.org/abs/2406.02069",
    allocate: (_, budget, layers) => {
      const longest = Math.max(0, ...layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length)));
      return layers.map(({ heads, model }, layer) => {
        const rows = layerRows(longest, budget, layer, model, steps);
        const share = { ratio: 1 - rows / longest, rows };
        return Uint32Array.from(heads, ({ positions }) => headRows(share, positions.length, longest));
      });
    },
  });
}

/** Rows of each head of a layer, as kvpress computes them, its rounding included. */
function layerRows(
  length: number,
  { ratio }: Budget,
  layer: number,
  { layerCount }: Layer["model"],
  { beta, least, windowSize }: { beta: number; least: number; windowSize: number },
): number {
  const mean = windowSize + length * (1 - ratio) - windowSize;
  let low = mean / beta;
  let high = mean * 2 - low;
  if (high >= length - windowSize) {
    high = length - windowSize;
    low = mean * 2 - high;
  }
  if (!(length >= high && high >= low && low >= least)) return Math.max(1, roundHalfToEven(length * (1 - ratio)));
  const step = layerCount > 1 ? (high - low) / (layerCount - 1) : 0;
  return roundHalfToEven(high - layer * step);
}

/** Python's `round`. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
