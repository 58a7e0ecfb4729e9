import { assertAlmostEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RidgeRegression } from "../../lib/numeric/ridge_regression.ts";

Deno.test("a plane is found again, for two targets at once", () => {
  const number = fc.double({ min: -3, max: 3, noNaN: true });
  fc.assert(fc.property(fc.array(number, { minLength: 6, maxLength: 6 }), (weights) => {
    const fit = new RidgeRegression(3, 2);
    for (const one of [-1, 0, 2]) {
      for (const other of [-2, 1, 3]) {
        const example = [one, other, 1];
        const target = (from: number) => example.reduce((sum, value, index) => sum + value * weights[from + index], 0);
        fit.add(example, [target(0), target(3)]);
      }
    }
    fit.solve(1e-9).forEach((weight, index) => assertAlmostEquals(weight, weights[index], 1e-6));
  }));
});

Deno.test("a penalty shrinks by hand's reckoning: Σxy / (Σx² + λ)", () => {
  const fit = new RidgeRegression(1, 1);
  fit.add([1], [2]);
  fit.add([3], [4]);
  assertAlmostEquals(fit.solve(4)[0], (1 * 2 + 3 * 4) / (1 + 9 + 4), 1e-12);
});

Deno.test("examples that depend on one another are refused without a penalty, and taken with one", () => {
  const fit = new RidgeRegression(2, 1);
  fit.add([1, 1], [1]);
  assertThrows(() => fit.solve(0), RangeError, "Cannot fit with penalty 0 as the examples depend on one another");
  const [one, other] = fit.solve(1);
  assertAlmostEquals(one, 1 / 3, 1e-12);
  assertAlmostEquals(other, 1 / 3, 1e-12);
});
