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

Deno.test("a million rows, equal, rising, falling: a quadratic selection would not come to its end", () => {
  const count = 1_000_000;
  const k = 10_000;
  const kinds: Record<string, [scores: Float64Array, first: number, last: number]> = {
    equal: [new Float64Array(count), 0, k - 1],
    rising: [Float64Array.from({ length: count }, (_, row) => row), count - k, count - 1],
    falling: [Float64Array.from({ length: count }, (_, row) => -row), 0, k - 1],
    "organ pipe": [
      Float64Array.from({ length: count }, (_, row) => Math.min(row, count - 1 - row)),
      (count - k) / 2,
      (count + k) / 2 - 1,
    ],
  };
  for (const [kind, [scores, first, last]] of Object.entries(kinds)) {
    const rows = topK(scores, k);
    assertEquals([rows[0], rows[k - 1], rows.length], [first, last, k], kind);
    assertEquals(topK(new Float64Array(count), k, scores), rows, `${kind} tie-breaks`);
  }
});

Deno.test("few of many rows: the same whether a sample of the rows tells rightly or wrongly", () => {
  const [count, k] = [20_000, 2_000];
  const sampled = new Set(Array.from({ length: 1024 }, (_, draw) => Math.floor(((draw + 0.5) / 1024) * count)));
  const kinds: Record<string, (row: number) => number> = {
    drawn: (row) => Math.imul(row, 2654435761) % 1009,
    "a sample of the highest": (row) => (sampled.has(row) ? 1 : 0) * count + (row % 97),
    "a sample of the lowest": (row) => (sampled.has(row) ? -1 : 0) * count + (row % 97),
    "two scores": (row) => Number(row % 3 === 0),
  };
  for (const [kind, scoreOf] of Object.entries(kinds)) {
    const scores = Array.from({ length: count }, (_, row) => scoreOf(row));
    const ties = Int32Array.from(scores, (_, row) => row);
    assertEquals([...topK(Float64Array.from(scores), k)], sorted(scores, k), kind);
    assertEquals([...topK(Float32Array.from(scores), k, ties)], sorted(scores, k, [...ties]), kind);
  }
});

Deno.test("none, all, and NaN", () => {
  assertEquals([...topK(Float32Array.of(3, 1, 2), 0)], []);
  assertEquals([...topK(Float32Array.of(3, 1, 2), 9)], [0, 1, 2]);
  assertThrows(() => topK(Float32Array.of(3, NaN), 1), RangeError, "1");
});

Deno.test("a k that is no count, and tie-breaks of another shape or not numbers, are refused", () => {
  const scores = Float32Array.of(3, 1, 2);
  for (const k of [-1, 0.5, NaN, Infinity]) assertThrows(() => topK(scores, k), RangeError, `Cannot pick ${k} rows`);
  assertThrows(() => topK(scores, 1, Float32Array.of(1)), TypeError, "3 scores by 1 values");
  assertThrows(() => topK(scores, 1, Float32Array.of(1, 2, NaN)), RangeError, "tie-break of row 2");
  assertEquals([...scores], [3, 1, 2]);
});
