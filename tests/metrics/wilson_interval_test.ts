import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { wilsonInterval } from "../../lib/metrics/wilson_interval.ts";

Deno.test("wilsonInterval equals what Wilson's formula gives by hand", () => {
  // z = 1.959964, z² = 3.841459. 8 of 10: centre (0.8 + 0.1920729) / 1.3841459, half 1.959964 · √(0.016 + 0.0096036) / …
  const { low, high } = wilsonInterval(8, 10);
  assertAlmostEquals(low, 0.49016, 1e-5);
  assertAlmostEquals(high, 0.94332, 1e-5);
  // 0 of 10: z² / (10 + z²); all of 10 is its mirror image.
  assertEquals(wilsonInterval(0, 10).low, 0);
  assertAlmostEquals(wilsonInterval(0, 10).high, 3.841459 / 13.841459, 1e-6);
  assertEquals(wilsonInterval(10, 10).high, 1);
  assertAlmostEquals(wilsonInterval(10, 10).low, 10 / 13.841459, 1e-6);
  // 50 of 100, as every textbook has it.
  assertAlmostEquals(wilsonInterval(50, 100).low, 0.4038, 1e-4);
});

Deno.test("wilsonInterval holds the share, stays in [0, 1] and mirrors", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, part) => {
      const successes = Math.round(part * trials);
      const { low, high } = wilsonInterval(successes, trials);
      assert(low >= 0 && high <= 1 && low <= successes / trials && successes / trials <= high && low < high);
      assertAlmostEquals(wilsonInterval(trials - successes, trials).low, 1 - high, 1e-12);
    }),
  );
});

Deno.test("wilsonInterval refuses no trials and more successes than trials", () => {
  assertThrows(() => wilsonInterval(0, 0), RangeError, "Cannot give an interval for 0 trials");
  assertThrows(() => wilsonInterval(3, 2), RangeError, "3 successes as it must be from 0 to 2");
  assertThrows(() => wilsonInterval(0.5, 2), RangeError, "0.5 successes");
});
