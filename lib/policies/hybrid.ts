import type { Policy } from "./policy.ts";
import { tokenPolicy, type TokenPolicyOptions } from "./token_policy.ts";

/**
 * Sinks, the newest tokens, and the highest by 0.75 · attention + 0.25 · novelty, of equals the newer: the original's
 * `hybrid` (github.com/0xAshraFF/KVMirror). Of a budget, two thirds of what the sinks leave go to the newest.
 */
export function hybrid(options: TokenPolicyOptions = {}): Policy {
  return tokenPolicy({
    name: "hybrid",
    recentShare: [2, 3],
    rank: ({ positions, attention, novelty }) => {
      const scores = new Float64Array(attention.length);
      for (let token = 0; token < scores.length; token++) {
        scores[token] = 0.75 * attention[token] + 0.25 * novelty[token];
      }
      return { scores, tieBreak: positions };
    },
  }, options);
}
