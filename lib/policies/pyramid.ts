import { headRows } from "./budget.ts";
import { definePolicy } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import type { Budget, Layer, Policy } from "./policy.ts";
import { scorerOf } from "./wrap.ts";

/** Options of {@linkcode pyramid}, with their defaults. */
export const PYRAMID_OPTIONS = {
  /** The smaller, the flatter: the smallest layer gets this part of the mean. */
  beta: 20,
  /** The fewest rows a layer may get before the pyramid gives way to equal layers. */
  smallestLayer: 1,
} as const;

/**
 * Another policy's rows, more of them in low layers than in high ones: the budget of PyramidKV (Cai et al. 2024,
 * https://arxiv.org/abs/2406.02069), for any policy.
 *
 * @throws {TypeError} if the policy cannot be wrapped
 * @throws {RangeError} if beta is below 1
 */
export function pyramid(policy: Policy, options: OptionsOf<typeof PYRAMID_OPTIONS> = {}): Policy {
  const { beta, smallestLayer } = withDefaults("pyramid", PYRAMID_OPTIONS, options);
  checkCounts("pyramid", { smallestLayer });
  if (!(beta >= 1)) throw new RangeError(`Cannot use beta ${beta} for pyramid as it must be at least 1`);
  const definition = scorerOf(policy, "pyramid");
  const shape = { beta, smallestLayer, window: definition.protect?.recent ?? 0 };
  return definePolicy({
    ...definition,
    name: `pyramid(${definition.name})`,
    paper: "Cai et al. 2024, https://arxiv.org/abs/2406.02069",
    allocate: (_, budget, layers) => pyramidRows(budget, layers, shape),
  });
}

/** How steep a pyramid is, and what it stands on. */
export interface PyramidShape {
  /** The smaller, the flatter: the smallest layer gets this part of the mean. */
  readonly beta: number;
  /** The fewest rows a layer may get before the pyramid gives way to equal layers. */
  readonly smallestLayer: number;
  /** The newest rows, which stay and are not shared out. */
  readonly window: number;
}

/**
 * Rows per layer and head when low layers keep more than high ones, `[layer][kv head]`: the budget of PyramidKV (Cai et
 * al. 2024, https://arxiv.org/abs/2406.02069).
 */
export function pyramidRows(budget: Budget, layers: readonly Layer[], shape: PyramidShape): Uint32Array[] {
  const longest = Math.max(0, ...layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length)));
  return layers.map(({ heads, model }, layer) => {
    const rows = layerRows(longest, budget, layer, model, shape);
    const share = { ratio: 1 - rows / longest, rows };
    return Uint32Array.from(heads, ({ positions }) => headRows(share, positions.length, longest));
  });
}

/** Rows of each head of a layer, as kvpress computes them, its rounding included. */
function layerRows(
  length: number,
  { ratio }: Budget,
  layer: number,
  { layerCount }: Layer["model"],
  { beta, smallestLayer, window }: PyramidShape,
): number {
  const mean = window + length * (1 - ratio) - window;
  let low = mean / beta;
  let high = mean * 2 - low;
  if (high >= length - window) {
    high = length - window;
    low = mean * 2 - high;
  }
  if (!(length >= high && high >= low && low >= smallestLayer)) {
    return Math.max(1, roundHalfToEven(length * (1 - ratio)));
  }
  const step = layerCount > 1 ? (high - low) / (layerCount - 1) : 0;
  return roundHalfToEven(high - layer * step);
}

/** Python's `round`. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
