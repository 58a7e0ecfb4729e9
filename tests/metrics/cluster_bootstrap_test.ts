import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type BootstrapOptions, clusterBootstrap } from "kvmirror";

Deno.test("the mean is over all values, and the interval over whole clusters", () => {
  // Two clusters, of means 0 and 1: a resample of both, of the first twice or of the second twice.
  assertEquals(clusterBootstrap([[0, 0], [1, 1, 1, 1]]), { mean: 4 / 6, low: 0, high: 1 });
  assertEquals(clusterBootstrap([[0.25, 0.75]]), { mean: 0.5, low: 0.5, high: 0.5 });
});

/** Clusters of one, as pairs of two settings give them. */
const singles = (values: readonly number[]): number[][] => values.map((value) => [value]);

Deno.test("clusters of one are the same draws in Python", () => {
  // r = random.Random(seed); the sorted means of d[int(r.random() * n)], n a resample, at ceil(0.025 * B) - 1 and
  // ceil(0.975 * B) - 1.
  const cases: [number[], BootstrapOptions, [mean: number, low: number, high: number]][] = [
    [[1, 0, 0, 1, -1, 1, 0, 0], {}, [0.25, -0.25, 0.75]],
    [[1, 0, 0, 1, -1, 1, 0, 0], { seed: 7, resamples: 200 }, [0.25, -0.125, 0.75]],
    [[0.25, -0.25, 0.5, -0.25, 0.75], { resamples: 1000 }, [0.2, -0.15, 0.55]],
    [[2], {}, [2, 2, 2]],
    [[0, 1], {}, [0.5, 0, 1]], // means 0, 1/2, 1 come with probability 1/4, 1/2, 1/4: both outer ones hold more than 2.5 %
  ];
  for (const [values, options, expected] of cases) {
    const { mean, low, high } = clusterBootstrap(singles(values), options);
    [mean, low, high].forEach((value, index) => assertAlmostEquals(value, expected[index], 1e-12));
  }
});

Deno.test("the mean turns its sign with the values', and the interval stays within them", () => {
  const column = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 3, maxLength: 20 });
  fc.assert(fc.property(column, (values) => {
    const { mean, low, high } = clusterBootstrap(singles(values), { resamples: 200 });
    assert(low >= Math.min(...values) && high <= Math.max(...values) && low <= high);
    assertEquals(clusterBootstrap(singles(values.map((value) => -value)), { resamples: 200 }).mean, -mean || 0);
  }));
});

Deno.test("no clusters, empty ones and no resamples are refused", () => {
  assertThrows(() => clusterBootstrap([]), RangeError, "0 clusters");
  assertThrows(() => clusterBootstrap([[1], []]), RangeError, "cluster 1 as it is empty");
  assertThrows(() => clusterBootstrap([[1]], { resamples: 0 }), RangeError, "0 resamples");
});
