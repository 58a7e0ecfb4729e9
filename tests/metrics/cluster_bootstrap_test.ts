import { assertEquals, assertThrows } from "@std/assert";
import { clusterBootstrap, pairedBootstrap } from "kvmirror";

Deno.test("the mean is over all values, and the interval over whole clusters", () => {
  // Two clusters, of means 0 and 1: a resample of both, of the first twice or of the second twice.
  assertEquals(clusterBootstrap([[0, 0], [1, 1, 1, 1]]), { mean: 4 / 6, low: 0, high: 1 });
  assertEquals(clusterBootstrap([[0.25, 0.75]]), { mean: 0.5, low: 0.5, high: 0.5 });
});

Deno.test("clusters of one are the plain bootstrap", () => {
  const values = [1, 0, 0.5, 1, 0.25, 0];
  const { mean, low, high } = clusterBootstrap(values.map((value) => [value]), { seed: 7 });
  const plain = pairedBootstrap(values, values.map(() => 0), { seed: 7 });
  assertEquals({ difference: mean, low, high }, plain);
});

Deno.test("no clusters, empty ones and no resamples are refused", () => {
  assertThrows(() => clusterBootstrap([]), RangeError, "0 clusters");
  assertThrows(() => clusterBootstrap([[1], []]), RangeError, "cluster 1 as it is empty");
  assertThrows(() => clusterBootstrap([[1]], { resamples: 0 }), RangeError, "0 resamples");
});
