import type { KvCache, PositionMode } from "../../engine/mod.ts";
import { checkCachedSignals } from "../../engine/signals/signals.ts";
import { budgetForRatio } from "../../policies/budget.ts";
import type { Layer, Policy } from "../../policies/policy.ts";
import { scoreOnce } from "../../policies/score_once.ts";
import { type LaterAttention, withLaterAttention } from "./later_attention.ts";

/** Options of {@linkcode EvictedForks}. */
export interface EvictedForkOptions {
  /** The signal `laterAttention`, where it is known. */
  readonly later?: LaterAttention;
  /** Ends a further look at the context. */
  readonly signal?: AbortSignal;
}

/** A fork of a context with what a policy keeps at a ratio: the rows that `compress` would keep. */
export type EvictedForks = (
  policy: Policy,
  compressionRatio: number,
  options?: EvictedForkOptions,
) => Promise<KvCache>;

/**
 * Forks a context that many settings start from and none changes. A policy that is asked for one ratio after the other
 * observes the context and scores its rows once.
 */
export function evictedForks(context: KvCache, positions: PositionMode = "logical"): EvictedForks {
  let last: { policy: Policy; later?: LaterAttention; once: Policy; layers: readonly Layer[] } | undefined;
  return async (policy, compressionRatio, { later, signal } = {}) => {
    const signals = policy.signals.filter((wanted) => wanted !== "laterAttention" || later === undefined);
    await context.observe({ name: policy.name, signals }, { signal });
    checkCachedSignals({ ...policy, signals }, context.signals, "all");
    if (last?.policy !== policy || last.later !== later) {
      // What was observed since is in new views only.
      const layers = later === undefined ? context.layers() : withLaterAttention(context.layers(), later);
      last = { policy, later, once: scoreOnce(policy), layers };
    }
    const choice = last.once.choose(last.layers, budgetForRatio(context.longestHead, compressionRatio));
    const cache = context.fork();
    try {
      cache.keep(choice, positions, policy.name);
    } catch (error) {
      cache[Symbol.dispose]();
      throw error;
    }
    return cache;
  };
}
