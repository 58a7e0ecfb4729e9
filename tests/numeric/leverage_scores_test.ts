import { assertAlmostEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { leverageScores } from "../../lib/numeric/leverage_scores.ts";

Deno.test("leverage scores by hand, with weights and without", () => {
  // [[2, 1], [1, 1]] + I has the inverse [[2, −1], [−1, 3]] / 5.
  const scores = leverageScores(Float32Array.of(1, 1, 1, 0), 2, 1);
  [3 / 5, 2 / 5].forEach((score, row) => assertAlmostEquals(scores[row], score, 1e-12));
  const weighted = leverageScores(Float32Array.of(1, 0, 0, 2, 1, 0), 2, 1, Float64Array.of(1, 0.5, 0));
  [1 / 2, 4 / 3, 1 / 2].forEach((score, row) => assertAlmostEquals(weighted[row], score, 1e-12));
});

Deno.test("scores of any vectors are in [0, 1), and their sum is less than the width", () => {
  const number = fc.double({ min: -9, max: 9, noNaN: true });
  fc.assert(fc.property(fc.array(fc.tuple(number, number, number, number), { minLength: 1, maxLength: 11 }), (rows) => {
    const scores = leverageScores(Float64Array.from(rows.flat()), 4, 0.5);
    const sum = scores.reduce((total, score) => total + score, 0);
    return scores.every((score) => score > -1e-9 && score < 1) && sum < 4;
  }));
});

Deno.test("vectors that are not finite are refused", () => {
  assertThrows(() => leverageScores(Float32Array.of(1, NaN), 2, 1), RangeError, "sums of squares are not finite");
});
