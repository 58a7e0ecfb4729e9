import type { ModelFacts } from "../policies/policy.ts";

/** What a cache must know of its model. */
export interface CacheShape extends ModelFacts {
  /** KV heads per layer. */
  readonly kvHeadCount: number;
}
