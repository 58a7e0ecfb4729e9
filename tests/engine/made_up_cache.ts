import { type CacheObserver, DEFAULT_TAPS, KvCache, type Tap } from "kvmirror/engine";
import type { ChunkMoments } from "../../lib/engine/query_moments.ts";
import { appendRows } from "./append_rows.ts";

/** The shape of caches that are made up for tests. */
export const SHAPE = { layerCount: 2, kvHeadCount: 3, groupSize: 2, headDim: 4, ropeTheta: 10_000 } as const;

/** Numbers in [0, 1) that depend on nothing but their place. */
export function madeUp(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, index) => {
    const mixed = Math.sin((index + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return mixed - Math.floor(mixed);
  });
}

/** Appends `count` made-up rows to every head; `attention` is `[taps, heads, all rows]`. */
export function appendMadeUp(cache: KvCache, count: number, seed: number): void {
  const heads = SHAPE.layerCount * SHAPE.kvHeadCount;
  const rows = cache.layers().flatMap((layer) => layer.heads).reduce(
    (sum, head) => sum + head.positions.length + count,
    0,
  );
  appendRows(
    cache,
    Int32Array.from({ length: count }, (_, index) => (seed * 7 + index) % 1000),
    madeUp(heads * count * SHAPE.headDim, seed),
    madeUp(heads * count * SHAPE.headDim, seed + 1),
    {
      attention: madeUp(cache.taps.length * rows, seed + 2),
      ...(cache.queryMoments === "record" ? { moments: madeUpMoments(count, seed + 3) } : {}),
    },
  );
}

function madeUpMoments(count: number, seed: number): ChunkMoments[] {
  const { layerCount, kvHeadCount, groupSize, headDim } = SHAPE;
  const heads = kvHeadCount * groupSize;
  return Array.from({ length: layerCount }, (_, layer) => ({
    count,
    mean: madeUp(heads * headDim, seed + layer),
    scatter: madeUp(heads * headDim ** 2, seed + layer + 1),
  }));
}

/** An observer that makes numbers up, others for each signal and head. */
const observeMadeUp: CacheObserver = (cache, need) =>
  Promise.resolve(
    cache.layers().flatMap(({ heads }, layer) =>
      heads.map(({ positions }, kvHead) => madeUp(positions.length, need.length + 10 * layer + kvHead))
    ),
  );

/** A cache of `count` made-up rows a head. */
export function madeUpCache(
  count: number,
  taps: readonly Tap[] = [...DEFAULT_TAPS, { decay: 0.9 }],
  seed = 1,
): KvCache {
  const cache = new KvCache(SHAPE, taps, observeMadeUp);
  appendMadeUp(cache, count, seed);
  return cache;
}

/** What can be seen of a cache, copied; signals that it lost are left out. */
export interface Snapshot {
  readonly tokens: number;
  readonly ids: number[];
  readonly mode: string;
  readonly next: number;
  readonly layers: {
    readonly positions: number[];
    readonly keys: number[];
    readonly values: number[];
    readonly attention: number[][];
  }[][];
}

/** Everything that can be seen of a cache, copied. */
export function snapshot(cache: KvCache): Snapshot {
  const attention = cache.signals.filter((need) => typeof need === "object");
  return {
    tokens: cache.tokenCount,
    ids: cache.tokenIds(),
    mode: cache.positions,
    next: cache.nextRotaryPosition,
    layers: cache.layers().map(({ heads }) =>
      heads.map((head) => ({
        positions: [...head.positions],
        keys: [...head.signal("keys")],
        values: [...head.signal("values")],
        attention: attention.map((need) => [...head.signal(need)]),
      }))
    ),
  };
}

/** Every signal that a cache has, of all heads, copied. */
export function signalsOf(cache: KvCache): unknown {
  return cache.signals.map((need) => [
    need,
    cache.layers().map(({ heads }) => heads.map((head) => [...head.signal(need)])),
  ]);
}
