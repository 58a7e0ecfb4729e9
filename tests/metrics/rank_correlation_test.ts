import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { rankCorrelation } from "kvmirror";

const TIED = [0.9, 0.4, 0.4, 0.7, 0.1, 0.4, -2, 5];

Deno.test("ties share the mean of their places: the numbers of scipy 1.17.1's spearmanr", () => {
  assertAlmostEquals(rankCorrelation([1, 2, 3, 4], [10, 20, 20, 1e6]), 0.9486832980505139, 1e-14);
  assertAlmostEquals(rankCorrelation(TIED, [1, 0, 0, 1, 0, 1, 0, 1]), 0.7826237921249264, 1e-14);
  assertAlmostEquals(rankCorrelation(TIED, [3, 1, 4, 1, 5, 9, 2, 6]), 0.09817613873476319, 1e-14);
});

Deno.test("any growing function of a column ranks as it does, its negative the other way round", () => {
  const columns = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 30 });
  fc.assert(fc.property(columns, (values) => {
    assertAlmostEquals(rankCorrelation(values, values.map((value) => Math.exp(value / 500))), 1, 1e-12);
    assertAlmostEquals(rankCorrelation(values, values.map((value) => -value)), -1, 1e-12);
  }));
});

Deno.test("a column of one value, or one pair, has no correlation", () => {
  assertEquals(rankCorrelation([1, 1, 1], [1, 2, 3]), NaN);
  assertEquals(rankCorrelation([1], [2]), NaN);
  assertEquals(rankCorrelation([], []), NaN);
});

Deno.test("columns of unequal length and NaN are refused", () => {
  assertThrows(() => rankCorrelation([1, 2], [1]), TypeError, "Cannot pair 2 values with 1");
  assertThrows(() => rankCorrelation([1, 2], [1, NaN]), RangeError, "Cannot rank pair 1");
});
