/** The shape of a KV cache, as far as its size goes. */
export interface CacheShape {
  /** Layers. */
  readonly layerCount: number;
  /** KV heads per layer. */
  readonly headCount: number;
  /** Length of a key or value vector. */
  readonly headDim: number;
  /** 2 for 16-bit values. */
  readonly bytesPerValue: number;
}

/**
 * Bytes that one token takes in the cache, a key and a value per layer and head:
 * `2 · layers · heads · head_dim · bytes_per_value`.
 *
 * @throws {RangeError} if a number is not whole and at least 0, or the product passes 2^53 − 1
 *
 * @example Qwen2.5-0.5B in 16 bit
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bytesPerToken } from "kvmirror";
 *
 * assertEquals(bytesPerToken({ layerCount: 24, headCount: 2, headDim: 64, bytesPerValue: 2 }), 12288);
 * ```
 */
export function bytesPerToken({ layerCount, headCount, headDim, bytesPerValue }: CacheShape): number {
  const shape = { layers: layerCount, heads: headCount, "head dimensions": headDim, "bytes per value": bytesPerValue };
  for (const [name, value] of Object.entries(shape)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Cannot size a cache with ${value} ${name} as it must be a whole number of at least 0`);
    }
  }
  const bytes = 2 * layerCount * headCount * headDim * bytesPerValue;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new RangeError(`Cannot count ${bytes} bytes a token as the limit is 2^53 - 1: use a smaller cache shape`);
}
