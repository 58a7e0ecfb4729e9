import { assertAlmostEquals, assertEquals } from "@std/assert";
import { answerScores, lostAnswers, type ScoredSample } from "kvmirror/eval";

/** Samples of one setting, a context each. */
function samples(policy: string, compression_ratio: number, scores: readonly number[]): ScoredSample[] {
  return scores.map((score, index) => ({
    policy,
    compression_ratio,
    index,
    context: index,
    task: "codes",
    score,
    kl: [0],
    agreement: [1],
    answer_tokens: 3,
    live_bytes: 100,
  }));
}

const ALL = [
  ...samples("keep_all", 0, [1, 1, 1, 0, 1, 1]),
  ...samples("recent_window", 0.5, [1, 0, 0, 0, 1, 1]),
  ...samples("hybrid", 0.5, [1, 1, 0, 1, 0, 1]),
  ...samples("recent_window", 0.75, [0, 0, 0, 0, 0, 1]),
  ...samples("hybrid", 0.75, [0, 1, 1, 0, 0, 0]),
];

Deno.test("right answers are counted, and held to the reference at the same ratio", () => {
  const rows = answerScores(ALL, "recent_window");
  assertEquals(rows.map(({ policy, n, right }) => `${policy} ${right} of ${n}`), [
    "keep_all 5 of 6",
    "recent_window 3 of 6",
    "hybrid 4 of 6",
    "recent_window 1 of 6",
    "hybrid 2 of 6",
  ]);
  assertEquals(rows[0].difference, null); // the full cache has no reference at its ratio
  assertAlmostEquals(rows[2].difference!, 1 / 6);
  assertAlmostEquals(rows[4].difference!, 1 / 6);
});

Deno.test("an answer is lost where the full cache has it and the reference does not", () => {
  // At 0.5 contexts 1 and 2 are lost, and hybrid has 1; its context 3 the full cache never had. At 0.75: 0, 1, 2, 4.
  assertEquals(lostAnswers(ALL, "recent_window"), [
    { policy: "hybrid", compression_ratio: 0.5, lost: 2, kept: 1 },
    { policy: "hybrid", compression_ratio: 0.75, lost: 4, kept: 2 },
  ]);
});
