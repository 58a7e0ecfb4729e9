import { assertAlmostEquals, assertThrows } from "@std/assert";
import { linearTrend } from "kvmirror";

Deno.test("a line by least squares, and the slope's standard error, by hand", () => {
  // x − 2 = −2, −1, 0, 1, 2 (Σ 10), y − 3 = −2, 1, −1, 2, 0: slope 5 / 10; residuals −1, 1.5, −1, 1.5, −1 (Σ² 7.5).
  const { slope, standardError, intercept } = linearTrend([0, 1, 2, 3, 4], [1, 4, 2, 5, 3]);
  assertAlmostEquals(slope, 0.5, 1e-12);
  assertAlmostEquals(intercept, 2, 1e-12);
  assertAlmostEquals(standardError, Math.sqrt(7.5 / 3 / 10), 1e-12);
});

Deno.test("points that give no line are refused", () => {
  assertThrows(() => linearTrend([1, 2], [1, 2]), RangeError, "a line to 2 points");
  assertThrows(() => linearTrend([1, 1, 1], [1, 2, 3]), RangeError, "not all at one place");
  assertThrows(() => linearTrend([1, 2, 3], [1, 2]), TypeError, "3 and 2 numbers");
});
