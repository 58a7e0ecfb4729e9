import { defaultFrequencies } from "../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../fixtures/uniform_rotary.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseCacheDtype } from "kvmirror/engine";
import { FLOAT32_CACHE } from "../../../lib/engine/rows/cache_dtype.ts";
import { ratioFor } from "../../../lib/eval/experiments/equal_bytes.ts";
import { keptRows } from "../../../lib/policies/budget.ts";
import { SHAPE as CACHE_SHAPE, syntheticCache } from "../../fixtures/synthetic_cache.ts";

/** One head, whose rows take 64 bytes. */
const SHAPE = {
  layerCount: 1,
  kvHeadCount: 1,
  groupSize: 1,
  headDim: 8,
  rotary: uniformRotary(1, defaultFrequencies(8, 10_000)),
  windows: new Array(1).fill(0),
};

Deno.test("the ratio is the least that fits: never a row too many, 0 where all rows fit", () => {
  assertEquals(ratioFor(640, 10, SHAPE, FLOAT32_CACHE), 0);
  assertEquals(ratioFor(320, 10, SHAPE, FLOAT32_CACHE), 0.5);
  for (const context of [7, 100, 1023, 4096]) {
    for (const rows of [1, 3, 64, 500].filter((count) => count < context)) {
      const kept = Math.floor(context * (1 - ratioFor(rows * 64 + 63, context, SHAPE, FLOAT32_CACHE)));
      assert(kept <= rows && kept >= rows - 1 - context * 1e-4, `${kept} of ${rows} at ${context}`);
    }
  }
  assertThrows(() => ratioFor(63, 10, SHAPE, FLOAT32_CACHE), RangeError, "as one token takes 64");
  // Of 100 rows the newest 20 take 64 bytes each, the others 2 · (8 + 4).
  assertEquals(ratioFor(20 * 64 + 80 * 24, 100, SHAPE, parseCacheDtype("int8", 20)), 0);
  assertEquals(ratioFor(20 * 64 + 30 * 24, 100, SHAPE, parseCacheDtype("int8", 20)), 0.5);
  assertEquals(keptRows(100, ratioFor(10 * 64, 100, SHAPE, parseCacheDtype("int8", 20))), 10);
});

Deno.test("a cache that is cut to the ratio and rounded takes no byte more than there are", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("f32", "f16", "int8", "int4", "int4:channel/int4", "int8:channel/int8:channel", "f32/int8"),
      fc.integer({ min: 0, max: 80 }),
      fc.integer({ min: 2, max: 300 }),
      fc.double({ min: 0.02, max: 1.2, noNaN: true }),
      (name, window, context, share) => {
        const cacheDtype = parseCacheDtype(name, window);
        using cache = syntheticCache(context);
        const maxBytes = Math.max(cache.liveBytes * share, 6 * 32);
        const rows = keptRows(context, ratioFor(maxBytes, context, CACHE_SHAPE, cacheDtype));
        const newest = Uint32Array.from({ length: rows }, (_, row) => context - rows + row);
        cache.keep(cache.layers().map(({ heads }) => heads.map(() => ({ rows: newest }))));
        cache.quantize(cacheDtype);
        assert(cache.liveBytes <= maxBytes, `${cache.liveBytes} bytes are more than ${maxBytes}`);
      },
    ),
    { numRuns: 300 },
  );
});
