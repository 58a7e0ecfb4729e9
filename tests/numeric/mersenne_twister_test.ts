import { assertEquals, assertThrows } from "@std/assert";
import { MersenneTwister } from "../../lib/numeric/mersenne_twister.ts";

// The goldens of many seeds, written by CPython, are read in tests/sim/simulate_test.ts.

Deno.test("the sign and the type of a seed do not count", () => {
  const first = new MersenneTwister(7).random();
  for (const seed of [-7, 7n, -7n]) assertEquals(new MersenneTwister(seed).random(), first);
});

Deno.test("numbers that are no exact integers are refused", () => {
  for (const seed of [0.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => new MersenneTwister(seed), RangeError, `Cannot seed with ${seed}`);
  }
});
