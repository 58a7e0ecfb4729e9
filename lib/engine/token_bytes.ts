import { bytesPerToken } from "../metrics/bytes_per_token.ts";
import type { CacheShape } from "./cache_shape.ts";

/** Bytes that one token takes in a cache of this shape: a key and a value in every kv head, in float32. */
export function tokenBytes({ layerCount, kvHeadCount, headDim }: CacheShape): number {
  return bytesPerToken({ layerCount, headCount: kvHeadCount, headDim, bytesPerValue: Float32Array.BYTES_PER_ELEMENT });
}
