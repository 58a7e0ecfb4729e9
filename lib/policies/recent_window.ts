import type { Policy } from "./policy.ts";
import { tokenPolicy, type TokenPolicyOptions } from "./token_policy.ts";

/** Sinks and the newest tokens: the original's `recent_window` (github.com/0xAshraFF/KVMirror). */
export function recentWindow(options: TokenPolicyOptions = {}): Policy {
  return tokenPolicy({
    name: "recent_window",
    recentShare: [1, 1],
    rank: ({ attention, novelty }) => ({ scores: attention, tieBreak: novelty }),
  }, options);
}
