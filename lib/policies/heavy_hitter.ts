import type { Policy } from "./policy.ts";
import { tokenPolicy, type TokenPolicyOptions } from "./token_policy.ts";

/** Sinks and the tokens with the most attention, then novelty: the original's `heavy_hitter` (github.com/0xAshraFF/KVMirror). */
export function heavyHitter(options: TokenPolicyOptions = {}): Policy {
  return tokenPolicy({
    name: "heavy_hitter",
    recentShare: [0, 1],
    rank: ({ attention, novelty }) => ({ scores: attention, tieBreak: novelty }),
  }, options);
}
