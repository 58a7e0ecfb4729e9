import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { pairedBootstrap, type PairedDifference } from "../../lib/metrics/bootstrap.ts";

function assertClose(actual: PairedDifference, expected: readonly [number, number, number]): void {
  [actual.difference, actual.low, actual.high].forEach((value, index) =>
    assertAlmostEquals(value, expected[index], 1e-12)
  );
}

Deno.test("pairedBootstrap equals the same draws in Python", () => {
  // d = [x - y for x, y in zip(a, b)]; r = random.Random(seed); the sorted means of d[int(r.random() * n)], n a resample,
  // at ceil(0.025 * B) - 1 and ceil(0.975 * B) - 1.
  const [a, b] = [[1, 0, 1, 1, 0, 1, 1, 0], [0, 0, 1, 0, 1, 0, 1, 0]];
  assertClose(pairedBootstrap(a, b), [0.25, -0.25, 0.75]);
  assertClose(pairedBootstrap(a, b, { seed: 7, resamples: 200 }), [0.25, -0.125, 0.75]);
  const [c, d] = [[0.5, 0.25, 1, 0, 0.75], [0.25, 0.5, 0.5, 0.25, 0]];
  assertClose(pairedBootstrap(c, d, { resamples: 1000 }), [0.2, -0.15, 0.55]);
});

Deno.test("pairedBootstrap of one pair is that pair, and of two different pairs spans both", () => {
  assertClose(pairedBootstrap([3], [1]), [2, 2, 2]);
  // Means 0, 1/2, 1 come with probability 1/4, 1/2, 1/4: both outer ones hold more than 2.5 %.
  assertClose(pairedBootstrap([0, 1], [0, 0]), [0.5, 0, 1]);
});

Deno.test("pairedBootstrap turns its sign with the columns' order and stays within the differences", () => {
  const column = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 3, maxLength: 20 });
  fc.assert(fc.property(column, (values) => {
    const other = values.toReversed();
    const differences = values.map((value, index) => value - other[index]);
    const result = pairedBootstrap(values, other, { resamples: 200 });
    assert(
      result.low >= Math.min(...differences) && result.high <= Math.max(...differences) && result.low <= result.high,
    );
    assertEquals(pairedBootstrap(other, values, { resamples: 200 }).difference, -result.difference || 0);
  }));
});

Deno.test("pairedBootstrap refuses columns that do not pair", () => {
  assertThrows(() => pairedBootstrap([1], [1, 2]), TypeError, "Cannot pair 1 values with 2");
  assertThrows(() => pairedBootstrap([], []), RangeError, "Cannot compare 0 pairs");
  assertThrows(() => pairedBootstrap([1], [1], { resamples: 0 }), RangeError, "Cannot draw 0 resamples");
});
