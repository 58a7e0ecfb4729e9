import { bytesPerToken } from "../../metrics/bytes_per_token.ts";
import type { RotaryBeyond } from "../../numeric/rotary.ts";
import type { ModelFacts } from "../../policies/policy.ts";
import { floatRowBytes } from "./row_bytes.ts";

/** The sizes of a model that its caches depend on. */
export interface CacheShape extends ModelFacts {
  /** KV heads per layer. */
  readonly kvHeadCount: number;
  /** What becomes of the keys' rotation where a text passes a length; undefined: nothing. */
  readonly rotaryBeyond?: RotaryBeyond;
  /** The window of each layer, in tokens: a query at position p sees rows above p − window; 0: all. `[layers]` */
  readonly windows: readonly number[];
}

/** Whether any layer has a window. */
export function hasWindows({ windows }: Pick<CacheShape, "windows">): boolean {
  return windows.some((window) => window > 0);
}

/** The narrowest window of the layers whose rows a policy may choose; infinite where they have none. */
export function narrowestWindow(shape: Pick<CacheShape, "windows">): number {
  return Math.min(...evictableLayers(shape).map((layer) => shape.windows[layer] || Infinity));
}

/** Layers whose rows a policy may choose: those without a window or, where every layer has one, all. */
export function evictableLayers({ windows }: Pick<CacheShape, "windows">): number[] {
  const unbounded = [...windows.keys()].filter((layer) => windows[layer] === 0);
  return unbounded.length > 0 ? unbounded : [...windows.keys()];
}

/** Bytes of the rows of so many tokens in float32: in layers with a window, of as many as it holds. */
export function textBytes({ kvHeadCount, headDim, windows }: CacheShape, tokens: number): number {
  const rows = windows.reduce((sum, window) => sum + (window > 0 ? Math.min(tokens, window) : tokens), 0);
  return rows * kvHeadCount * floatRowBytes(headDim);
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

/** Bytes that one token takes for good in a cache of this shape: a key and a value in every evictable head, in float32. */
export function tokenBytes(shape: CacheShape): number {
  return bytesPerToken({
    layerCount: evictableLayers(shape).length,
    headCount: shape.kvHeadCount,
    headDim: shape.headDim,
    bytesPerValue: Float32Array.BYTES_PER_ELEMENT,
  });
}

/** Bytes of full windows in float32, where policies do not choose among their rows. */
export function fullWindowBytes({ windows, kvHeadCount, headDim }: CacheShape): number {
  const full = windows.some((window) => window === 0) ? windows.reduce((sum, window) => sum + window, 0) : 0;
  return full * kvHeadCount * floatRowBytes(headDim);
}
