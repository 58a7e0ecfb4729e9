import { averagePool } from "../numeric/average_pool.ts";
import { definePolicy, eachHead } from "./define_policy.ts";
import type { Policy, PolicyDefinition } from "./policy.ts";

/** Options of {@linkcode snapkv}. */
export interface SnapkvOptions {
  /** The newest rows, whose queries look back and which stay; 64 by default. */
  readonly windowSize?: number;
  /** Neighbours a score is averaged over, an odd number; 5 by default. */
  readonly kernelSize?: number;
}

/**
 * The attention of the newest queries to the rows before them, averaged over neighbours; the newest rows stay: SnapKV
 * (Li et al. 2024, https://arxiv.org/abs/2404.14469). Where there are no rows before the window, the newest stay.
 */
export function snapkv(options: SnapkvOptions = {}): Policy {
  return definePolicy(snapkvDefinition(options));
}

/** What {@linkcode snapkv} is made of, for policies that share its scores. */
export function snapkvDefinition({ windowSize = 64, kernelSize = 5 }: SnapkvOptions = {}): PolicyDefinition {
  if (!Number.isSafeInteger(windowSize) || windowSize < 1) {
    throw new RangeError(`Cannot use windowSize ${windowSize} for snapkv as it must be a whole number of at least 1`);
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
