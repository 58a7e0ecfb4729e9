import { checkSignals } from "../engine/check_signals.ts";
import type { KvCache } from "../engine/mod.ts";
import { budgetForRatio } from "../policies/budget.ts";
import type { Choice, Layer, Policy } from "../policies/policy.ts";
import { scoreOnce } from "../policies/score_once.ts";

/** Chooses the rows of a context that stay, as `compress` on a fork of it would. */
export type ContextChoices = (policy: Policy, compressionRatio: number) => Choice;

/**
 * Chooses rows of a context that many arms start from and none changes. A policy that is asked for one ratio after the
 * other scores the rows once.
 */
export function contextChoices(context: KvCache): ContextChoices {
  let last: { readonly policy: Policy; readonly once: Policy; readonly layers: readonly Layer[] } | undefined;
  return (policy, compressionRatio) => {
    checkSignals(policy, context.signals, "all");
    // What was observed since is in new views only.
    if (last?.policy !== policy) last = { policy, once: scoreOnce(policy), layers: context.layers() };
    return last.once.choose(last.layers, budgetForRatio(context.longestHead, compressionRatio));
  };
}
