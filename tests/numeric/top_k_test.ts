import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { topK } from "../../lib/numeric/top_k.ts";

/** Python's way: a stable descending sort by (score, tie break), cut at k, in order of index. */
function sorted(scores: readonly number[], k: number, tieBreak?: readonly number[]): number[] {
  return scores.map((_, index) => index)
    .sort((a, b) => scores[b] - scores[a] || (tieBreak === undefined ? 0 : tieBreak[b] - tieBreak[a]) || a - b)
    .slice(0, k).sort((a, b) => a - b);
}

Deno.test("selection gives what a stable sort gives, with ties of every kind", () => {
  const score = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true, min: -1, max: 1 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(score, fc.nat(2)), { maxLength: 300 }), fc.nat(320), (pairs, k) => {
      const [scores, ties] = [pairs.map(([first]) => first), pairs.map(([, second]) => second)];
      assertEquals([...topK(Float64Array.from(scores), k)], sorted(scores, k));
      assertEquals([...topK(Float64Array.from(scores), k, Float64Array.from(ties))], sorted(scores, k, ties));
    }),
    { numRuns: 400, seed: 1 },
  );
});

Deno.test("equal, rising and falling scores of a million rows cost no more than a few times random ones", () => {
  const count = 1_000_000;
  const kinds = {
    random: Float64Array.from({ length: count }, (_, index) => Math.sin(index * 12.9898) * 43758.5453 % 1),
    equal: new Float64Array(count),
    rising: Float64Array.from({ length: count }, (_, index) => index),
    falling: Float64Array.from({ length: count }, (_, index) => -index),
  };
  topK(kinds.random, 1000);
  const times = Object.entries(kinds).map(([kind, scores]) => {
    const start = performance.now();
    assertEquals(topK(scores, 10_000).length, 10_000, kind);
    return performance.now() - start;
  });
  // A selection that turned quadratic would take a thousand times as long; noise does not.
  for (const time of times) assertEquals(time < 50 * Math.max(times[0], 20), true);
});

Deno.test("none, all, and NaN", () => {
  assertEquals([...topK(Float32Array.of(3, 1, 2), 0)], []);
  assertEquals([...topK(Float32Array.of(3, 1, 2), 9)], [0, 1, 2]);
  assertThrows(() => topK(Float32Array.of(3, NaN), 1), RangeError, "1");
});
