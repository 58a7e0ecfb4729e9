import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type EvaluatedSample, openTasks, resultRows, settingComparisons, taskGates } from "kvmirror/eval";

const row = { task: "a", context: "c", question: "", answer_prefix: "", answer: ["x"], max_new_tokens: 1 };

/** Cells of one arm, a context each. */
function samples(policy: string, compression_ratio: number, scores: number[], task = "a"): EvaluatedSample[] {
  return scores.map((score, index) => ({
    policy,
    compression_ratio,
    index,
    context: index,
    task,
    score,
    row,
    prediction: "",
    answer_tokens: index + 1,
    context_tokens: 9,
    live_bytes: 100,
    kl: [0.5, 1.5],
    agreement: [1, 0],
  }));
}

const ALL = [
  ...samples("keep_all", 0, [1, 1, 1, 0]),
  ...samples("mine", 0.5, [1, 1, 0, 0]),
  ...samples("random", 0.5, [0, 0, 0, 0]),
  ...samples("streaming_llm", 0.5, [1, 0, 0, 0]),
  ...samples("oracle", 0.5, [1, 1, 1, 0]),
];

Deno.test("scores are averaged by arm and task, with intervals by context", () => {
  const [full, mine] = resultRows(ALL);
  assertEquals([full.policy, full.score, full.n], ["keep_all", 0.75, 4]);
  assertEquals(mine, { policy: "mine", compression_ratio: 0.5, task: "a", score: 0.5, n: 4, ci_low: 0, ci_high: 1 });
});

Deno.test("an arm is held to the full cache on the same rows, and its way from floor to oracle is measured", () => {
  const [, mine, random, , oracle] = settingComparisons(ALL, ["a"]);
  assertEquals([mine.difference, mine.difference_low], [-0.25, -0.75]);
  assertEquals(mine.oracle_gap_closed, 0.5); // floor: streaming_llm's 0.25; oracle's 0.75
  assertEquals([random.oracle_gap_closed, oracle.oracle_gap_closed], [-0.5, 1]);
  assertEquals([mine.kl, mine.top1_agreement, mine.answer_tokens, mine.live_bytes], [1, 0.5, 2.5, 100]);
});

Deno.test("rows that an arm lacks are left out on both sides", () => {
  const [, mine] = settingComparisons([
    ...samples("keep_all", 0, [0, 1, 1]),
    ...samples("mine", 0.5, [0, 1, 1]).slice(1),
  ], [
    "a",
  ]);
  assertEquals([mine.n, mine.score, mine.difference], [2, 1, 0]);
});

Deno.test("without an oracle above the floor there is no gap to close", () => {
  const [, mine] = settingComparisons(ALL.filter(({ policy }) => policy !== "oracle"), ["a"]);
  assertEquals(mine.oracle_gap_closed, null);
});

Deno.test("only tasks that the full cache solves count, and few rows are not sure", () => {
  const gates = taskGates(resultRows([
    ...samples("keep_all", 0, Array(50).fill(1)),
    ...samples("keep_all", 0, [0, 0, 0.5], "b"),
    ...samples("mine", 0.5, [1], "b"),
  ]));
  assertEquals(gates.map(({ task, gate, n }) => [task, gate, n]), [["a", "open", 50], ["b", "closed, unsure", 3]]);
  assertAlmostEquals(gates[1].full_score, 1 / 6);
  assertEquals(openTasks(gates), ["a"]);
});
