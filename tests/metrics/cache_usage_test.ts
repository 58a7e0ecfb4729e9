import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { usageByLayer, usageOfHeads } from "../../lib/metrics/cache_usage.ts";
import { tokenRetention } from "../../lib/metrics/token_retention.ts";

const held = (positions: number[], allocatedBytes?: number) => ({
  positions,
  dtype: "f32",
  liveBytes: 10 * positions.length,
  allocatedBytes,
});

Deno.test("cacheAccount: two layers of two heads, by hand", () => {
  const usage = usageOfHeads([[held([0, 1, 3]), held([0])], [held([0, 3], 50), held([])]], 4);
  assertEquals([usage.tokens, usage.rows, usage.live_bytes, usage.allocated_bytes], [4, 6, 60, 90]);
  assertEquals([...usage.retention], [0.75, 0.25, 0, 0.5]);
  const row = { dtype: "f32" };
  assertEquals(usage.heads, [
    { layer: 0, kv_head: 0, ...row, rows: 3, live_bytes: 30, allocated_bytes: 30 },
    { layer: 0, kv_head: 1, ...row, rows: 1, live_bytes: 10, allocated_bytes: 10 },
    { layer: 1, kv_head: 0, ...row, rows: 2, live_bytes: 20, allocated_bytes: 50 },
    { layer: 1, kv_head: 1, ...row, rows: 0, live_bytes: 0, allocated_bytes: 0 },
  ]);
});

Deno.test("layerAccounts: a row for each moment, layer and dtype", () => {
  const before = usageOfHeads([[held([0, 1]), held([0, 1])], [held([0, 1]), held([0, 1])]], 2);
  const half = { positions: [0, 2], dtype: "int8", liveBytes: 8 };
  const after = usageOfHeads([[held([2]), half], [held([0, 1, 2]), held([2])]], 3);
  assertEquals(usageByLayer([before, after]).map((row) => Object.values(row)), [
    [2, 0, "f32", 4, 40, 40, 2, 2, 1],
    [2, 1, "f32", 4, 40, 40, 2, 2, 1],
    [3, 0, "f32", 1, 10, 10, 1, 1, 1 / 3],
    [3, 0, "int8", 2, 8, 8, 2, 2, 2 / 3],
    [3, 1, "f32", 4, 40, 40, 1, 3, 4 / 6],
  ]);
  assertEquals(Object.keys(usageByLayer([before])[0]), [
    "tokens",
    "layer",
    "dtype",
    "rows",
    "live_bytes",
    "allocated_bytes",
    "fewest_rows",
    "most_rows",
    "kept_ratio",
  ]);
  assertEquals(usageByLayer([usageOfHeads([[held([])]], 0)])[0].kept_ratio, 1);
});

Deno.test("survival times the heads sums to the rows, and no share is outside [0, 1]", () => {
  const head = fc.uniqueArray(fc.nat(30)).map((positions) => positions.sort((one, other) => one - other));
  const layers = fc.array(fc.array(head, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(layers, (layers) => {
    const retention = tokenRetention(layers, 31);
    const heads = layers.flat();
    assertAlmostEquals(
      retention.reduce((sum, share) => sum + share, 0) * heads.length,
      heads.reduce((rows, positions) => rows + positions.length, 0),
      1e-9,
    );
    retention.forEach((share, token) => {
      assertEquals(share, heads.filter((positions) => positions.includes(token)).length / heads.length);
    });
  }));
});

Deno.test("positions that cannot be are refused by layer and head", () => {
  const wrong: [number[][][], number, string][] = [
    [[[[0]], [[0, 4]]], 4, "position 4 of layer 1, kv head 0 as positions must ascend, below the 4 tokens"],
    [[[[0], [-1]]], 4, "position -1 of layer 0, kv head 1"],
    [[[[2, 1]]], 4, "position 1 of layer 0"],
    [[[[1, 1]]], 4, "position 1 of layer 0"],
    [[[[0.5]]], 4, "position 0.5"],
    [[[[NaN]]], 4, "position NaN"],
    [[], 4, "0 kv heads"],
    [[[]], 4, "0 kv heads"],
    [[[[]]], -1, "-1 tokens"],
  ];
  for (const [layers, tokens, message] of wrong) {
    assertThrows(() => tokenRetention(layers, tokens), RangeError, message);
  }
});
