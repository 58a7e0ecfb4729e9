import { bytesPerToken } from "../../metrics/bytes_per_token.ts";
import type { ModelFacts } from "../../policies/policy.ts";

/** What a cache must know of its model. */
export interface CacheShape extends ModelFacts {
  /** KV heads per layer. */
  readonly kvHeadCount: number;
}

/** The model that a cache's rows are of: what else could read them would read nonsense. */
export interface CacheOwner {
  /** The name it goes by. */
  readonly name: string;
  /** sha256 of its checkpoint's content, hex. */
  readonly hash: string;
  /** How its weights were held, as rows differ a little between formats. */
  readonly weights: string;
}

/** Bytes that one token takes in a cache of this shape: a key and a value in every kv head, in float32. */
export function tokenBytes({ layerCount, kvHeadCount, headDim }: CacheShape): number {
  return bytesPerToken({ layerCount, headCount: kvHeadCount, headDim, bytesPerValue: Float32Array.BYTES_PER_ELEMENT });
}
