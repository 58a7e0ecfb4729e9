import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
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

Deno.test("numbers of a normal distribution are CPython's random.gauss(0, 1), two of each pair", () => {
  for (
    const [seed, numbers] of [
      [0, [0.9417154046806644, -1.3965781047011498, -0.6797144480784211, 0.3705035674606598]],
      [1n << 32n | 3n << 16n | 2n, [1.052589352907601, -1.6024015789931654, 1.217635359068239, -0.6421266551813324]],
    ] as const
  ) {
    const stream = new MersenneTwister(seed);
    for (const number of numbers) assertAlmostEquals(stream.gaussian(), number, 1e-14);
  }
});
