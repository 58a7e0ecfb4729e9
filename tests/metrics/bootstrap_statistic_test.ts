import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { bootstrapStatistic, clusterBootstrap } from "kvmirror";

const CLUSTERS = [[1, 2], [5], [0, 0, 3], [7, 1]];
const mean = (clusters: readonly number[][]) => {
  const values = clusters.flat();
  return values.reduce((sum, value) => sum + value, 0) / values.length;
};

Deno.test("of a mean it is the cluster bootstrap", () => {
  const options = { seed: 7, resamples: 500 };
  const expected = clusterBootstrap(CLUSTERS, options);
  const { value, low, high, defined } = bootstrapStatistic(CLUSTERS, mean, options);
  for (const [actual, is] of [[value, expected.mean], [low, expected.low], [high, expected.high]]) {
    assertAlmostEquals(actual, is, 1e-12);
  }
  assertEquals(defined, 1);
});

Deno.test("resamples without a value are left out and counted", () => {
  const spread = (values: readonly number[]) =>
    new Set(values).size === 1 ? NaN : Math.max(...values) - Math.min(...values);
  const { value, low, high, defined } = bootstrapStatistic([1, 3], spread, { resamples: 2000 });
  assertEquals([value, low, high], [2, 2, 2]);
  // Two draws of two are alike half of the time.
  assert(Math.abs(defined - 0.5) < 0.05, String(defined));
  assertEquals(bootstrapStatistic([4], () => NaN, { resamples: 3 }), { value: NaN, low: NaN, high: NaN, defined: 0 });
});

Deno.test("nothing to draw from, and no draws, are refused", () => {
  assertThrows(() => bootstrapStatistic([], () => 0), RangeError, "0 clusters");
  assertThrows(() => bootstrapStatistic([1], () => 0, { resamples: 0 }), RangeError, "0 resamples");
});
