import type { KvCache } from "./kv_cache.ts";
import type { ObservedNeed } from "./observed_need.ts";

/** Options of {@linkcode KvCache.observe}. */
export interface ObserveOptions {
  /** Ends the observation between two chunks. */
  readonly signal?: AbortSignal;
  /** Called after each chunk with the tokens or rows seen so far and in all. */
  readonly onProgress?: (seen: number, total: number) => void;
}

/** Looks at a cache for a signal that reading does not record: `[layer · kv heads + kv head]`, `[rows]` each. */
export type CacheObserver = (
  cache: KvCache,
  need: ObservedNeed,
  options: ObserveOptions,
) => Promise<readonly Float32Array[]>;
