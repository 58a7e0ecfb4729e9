import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { wilsonInterval } from "../../../lib/metrics/wilson_interval.ts";
import { type ScoredSample, shareOfFull } from "kvmirror/eval";

function samples(scores: readonly number[], from = 0, contextOf = (index: number) => index): ScoredSample[] {
  const measures = { policy: "a", compression_ratio: 0.5, task: "a", kl: [0], agreement: [1] };
  return scores.map((score, place) => (
    { ...measures, index: from + place, context: contextOf(from + place), score, answer_tokens: 1, live_bytes: 1 }
  ));
}

Deno.test("a share is of sums, so rows that the full cache fails weigh nothing but may lift it", () => {
  const { value, low, high, n } = shareOfFull(samples([1, 0.5, 0, 1]), samples([1, 1, 1, 0]));
  assertAlmostEquals(value, 2.5 / 3);
  assertEquals(n, 4);
  assert(low < value && value < high);
});

Deno.test("the full cache keeps all of itself, in every draw", () => {
  const full = samples([1, 0.5, 1, 0.25]);
  const { value, low, high } = shareOfFull(full, full);
  assertEquals([value, low, high], [1, 1, 1]);
});

Deno.test("rows of one context are drawn together", () => {
  const [own, full] = [[1, 0, 1, 0, 1, 0], [1, 1, 1, 1, 1, 1]];
  const apart = shareOfFull(samples(own), samples(full));
  const together = shareOfFull(samples(own, 0, (index) => index >> 1), samples(full, 0, (index) => index >> 1));
  assert(apart.low < 0.5 && apart.high > 0.5);
  // All three contexts keep half: Wilson allows 0.56 of three to be other ones, which no draw of them shows.
  const unseen = wilsonInterval(0, 3).high;
  assertAlmostEquals(together.low, 0.5 * (1 - unseen));
  assertAlmostEquals(together.high, 0.5 + 0.5 * unseen);
});

Deno.test("rows that one of them lacks do not count, and there must be some left", () => {
  assertEquals(shareOfFull(samples([0, 1], 2), samples([1, 1, 1])).n, 1);
  assertThrows(() => shareOfFull(samples([1], 7), samples([1])), RangeError, "no row was answered by both");
});
