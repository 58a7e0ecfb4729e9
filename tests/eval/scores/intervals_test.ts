import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { ScoredSample } from "kvmirror/eval";
import { pairedDifference, scoreInterval } from "../../../lib/eval/scores/intervals.ts";

const samples = (scores: readonly number[], contexts = scores.map((_, index) => index)): ScoredSample[] =>
  scores.map((score, index) => ({
    policy: "tova",
    compression_ratio: 0.5,
    task: "qa",
    index,
    context: contexts[index],
    score,
    kl: [0],
    agreement: [1],
    answer_tokens: 1,
    live_bytes: 1,
  }));

/** Wilson's bounds by hand: of n trials that all succeed the lower one is n / (n + z²), z² = 3.841458820694124. */
const WILSON: readonly [readonly number[], number, number][] = [
  [[1, 1, 1, 1, 1], 0.5655175, 1],
  [[0, 0, 0, 0, 0], 0, 0.4344825],
  [[1], 0.2065493, 1],
];

Deno.test("all right or none: Wilson's interval, never of width zero", () => {
  for (const [scores, low, high] of WILSON) {
    const interval = scoreInterval(samples(scores));
    assertAlmostEquals(interval.low, low, 1e-6);
    assertAlmostEquals(interval.high, high, 1e-6);
  }
});

Deno.test("scores that are alike and neither 0 nor 1 have an interval around them", () => {
  const { mean, low, high } = scoreInterval(samples([0.5, 0.5, 0.5, 0.5, 0.5]));
  assertEquals(mean, 0.5);
  // At most 0.4345 of contexts are other ones, and those are 0 or 1.
  assertAlmostEquals(low, 0.5 - 0.4344825 / 2, 1e-6);
  assertAlmostEquals(high, 0.5 + 0.4344825 / 2, 1e-6);
});

Deno.test("rows of one context are one: two contexts that agree say little, whatever rows they have", () => {
  const { low } = scoreInterval(samples([0.5, 0.5, 0.5, 0.5], [0, 0, 1, 1]));
  assertAlmostEquals(low, 0.5 - 0.6576198 / 2, 1e-6);
});

Deno.test("settings that never differed may still differ; a setting and itself may not", () => {
  const [one, other] = [samples([1, 0, 1, 0, 1]), samples([1, 0, 1, 0, 1])];
  const difference = pairedDifference(one, other)!;
  assertEquals(difference.mean, 0);
  assertAlmostEquals(difference.low, -0.4344825, 1e-6);
  assertAlmostEquals(difference.high, 0.4344825, 1e-6);
  assertEquals(pairedDifference(one, one), { mean: 0, low: 0, high: 0 });
  const always = pairedDifference(samples([1, 1, 1, 1, 1]), samples([0, 0, 0, 0, 0]))!;
  assertAlmostEquals(always.low, 1 - 2 * 0.4344825, 1e-6);
  assertEquals([always.mean, always.high], [1, 1]);
});
