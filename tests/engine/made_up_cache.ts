import { KvCache, type Tap } from "kvmirror/engine";

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
  cache.append(
    madeUp(heads * count * SHAPE.headDim, seed),
    madeUp(heads * count * SHAPE.headDim, seed + 1),
    madeUp(cache.taps.length * rows, seed + 2),
    "first",
  );
}

/** A cache of `count` made-up rows a head. */
export function madeUpCache(count: number, taps: readonly Tap[] = ["all", 1, 64], seed = 1): KvCache {
  const cache = new KvCache(SHAPE, taps);
  appendMadeUp(cache, count, seed);
  return cache;
}

/** Everything that can be seen of a cache, copied. */
export function snapshot(cache: KvCache): unknown {
  return {
    tokens: cache.tokenCount,
    mode: cache.positions,
    next: cache.nextRotaryPosition,
    layers: cache.layers().map(({ heads }) =>
      heads.map((head) => ({
        positions: [...head.positions],
        keys: [...head.signal("keys")],
        values: [...head.signal("values")],
        attention: cache.taps.map((queries) => [...head.signal({ attention: "sum", queries })]),
      }))
    ),
  };
}
