import { bytesPerToken } from "../../metrics/bytes_per_token.ts";
import type { ModelFacts } from "../../policies/policy.ts";

/** The sizes of a model that its caches depend on. */
export interface CacheShape extends ModelFacts {
  /** KV heads per layer. */
  readonly kvHeadCount: number;
}

/** The model that computed a cache's rows. No other model can read them. */
export interface CacheOwner {
  /** The name it goes by. */
  readonly name: string;
  /** sha256 of its checkpoint's content, hex. */
  readonly hash: string;
  /** Its weight format: rows differ a little between formats. */
  readonly weights: string;
}

/** Bytes that one token takes in a cache of this shape: a key and a value in every kv head, in float32. */
export function tokenBytes({ layerCount, kvHeadCount, headDim }: CacheShape): number {
  return bytesPerToken({ layerCount, headCount: kvHeadCount, headDim, bytesPerValue: Float32Array.BYTES_PER_ELEMENT });
}
