import { averagePool } from "../numeric/average_pool.ts";
import { definePolicy, eachHead } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import type { Policy, PolicyDefinition } from "./policy.ts";

/** Options of {@linkcode snapkv}, with their defaults. */
export const SNAPKV_OPTIONS = {
  /** The newest rows, whose queries look back and which stay. */
  windowSize: 64,
  /** Neighbors that a score is averaged over, an odd number. */
  kernelSize: 5,
} as const;
/** The options, each of which may be left out. */
export type SnapkvOptions = OptionsOf<typeof SNAPKV_OPTIONS>;

/**
 * The attention of the newest queries to the rows before them, averaged over neighbors; the newest rows stay: SnapKV
 * (Li et al. 2024, https://arxiv.org/abs/2404.14469). Where there are no rows before the window, the newest stay.
 */
export function snapkv(options: SnapkvOptions = {}): Policy {
  return definePolicy(snapkvDefinition(options));
}

/** The definition of {@linkcode snapkv}, for policies that share its scores. */
export function snapkvDefinition(options: SnapkvOptions = {}): PolicyDefinition {
  const { windowSize, kernelSize } = withDefaults("snapkv", SNAPKV_OPTIONS, options);
  checkCounts("snapkv", { windowSize, kernelSize }, 1);
  if (kernelSize % 2 === 0) {
    throw new RangeError(`Cannot use kernelSize ${kernelSize} for snapkv as it must be odd`);
  }
  const wanted = { attention: "sum", queries: windowSize } as const;
  return {
    name: "snapkv",
    paper: "Li et al. 2024, https://arxiv.org/abs/2404.14469",
    signals: [wanted],
    score: eachHead(({ positions, signal }) => {
      const before = positions.length - windowSize;
      if (before <= 0) return Float64Array.from(positions);
      const scores = new Float64Array(positions.length);
      scores.set(averagePool(signal(wanted).subarray(0, before), kernelSize).map((sum) => sum / windowSize));
      return scores;
    }),
    protect: { recent: windowSize },
  };
}
