import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type EvaluatedSample, openTasks, settingComparisons, taskGates, taskScores } from "kvmirror/eval";

const row = { task: "a", context: "c", question: "", answer_prefix: "", answer: ["x"], max_new_tokens: 1 };

/** Samples of one setting, a context each. */
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

Deno.test("scores are averaged by setting and task, with intervals", () => {
  const [full, mine] = taskScores(ALL);
  assertEquals([full.policy, full.score, full.n], ["keep_all", 0.75, 4]);
  const { ci_low, ci_high, ...rest } = mine;
  assertEquals(rest, { policy: "mine", compression_ratio: 0.5, task: "a", score: 0.5, n: 4 });
  assertAlmostEquals(ci_low, 0.15004, 1e-5); // Wilson, two of four
  assertAlmostEquals(ci_high, 0.84996, 1e-5);
});

Deno.test("Wilson's interval has a width where all scores are alike; others are drawn by context", () => {
  const [all] = taskScores(samples("mine", 0.5, [1, 1, 1, 1]));
  assertEquals(all.ci_high, 1);
  assertAlmostEquals(all.ci_low, 0.51011, 1e-5);
  const [shares] = taskScores(samples("mine", 0.5, [0.5, 0.5, 0, 1]));
  assertEquals([shares.score, shares.ci_low, shares.ci_high], [0.5, 0.125, 0.875]);
  const twice = samples("mine", 0.5, [1, 0, 1, 0]).map((sample) => ({ ...sample, context: sample.index >> 1 }));
  const [alikeTwice] = taskScores(twice); // of two contexts 0.65762 may be other ones, right or wrong
  assertAlmostEquals(alikeTwice.ci_low, 0.5 - 0.65762 / 2, 1e-5);
  assertAlmostEquals(alikeTwice.ci_high, 0.5 + 0.65762 / 2, 1e-5);
  const [alike] = taskScores(twice.map((sample) => ({ ...sample, score: 0 })));
  assertAlmostEquals(alike.ci_high, 0.65762, 1e-5); // Wilson, none of two contexts
});

Deno.test("a policy as the reference is compared at each setting's own ratio, a setting at its own", () => {
  const both = [
    ...samples("window", 0.5, [1, 1, 0, 0]),
    ...samples("window", 0.75, [0, 0, 0, 0]),
    ...samples("mine", 0.75, [1, 0, 0, 0]).toReversed(),
    ...samples("keep_all", 0, [1, 1, 1, 1]),
  ];
  const differences = (reference: Parameters<typeof settingComparisons>[1]) =>
    settingComparisons(both, reference).map(({ difference }) => difference);
  assertEquals(differences({ reference: "window" }), [0, 0, 0.25, null]);
  assertEquals(differences({ reference: { policy: "window", compression_ratio: 0.5 } }), [0, -0.5, -0.25, 0.5]);
  assertEquals(differences({}), [-0.5, -1, -0.75, 0]);
});

Deno.test("a setting is held to the full cache on the same rows, and its way from floor to oracle is measured", () => {
  const [, mine, random, , oracle] = settingComparisons(ALL, { tasks: ["a"] });
  assertEquals([mine.difference, mine.difference_low], [-0.25, -0.75]);
  assertEquals(mine.oracle_gap_closed, 0.5); // floor: streaming_llm's 0.25; oracle's 0.75
  assertEquals([random.oracle_gap_closed, oracle.oracle_gap_closed], [-0.5, 1]);
  assertEquals([mine.kl, mine.top1_agreement, mine.answer_tokens, mine.live_bytes], [1, 0.5, 2.5, 100]);
  assertEquals(mine.live_share, 1);
});

Deno.test("rows that a setting lacks are left out on both sides", () => {
  const [, mine] = settingComparisons([
    ...samples("keep_all", 0, [0, 1, 1]),
    ...samples("mine", 0.5, [0, 1, 1]).slice(1),
  ]);
  assertEquals([mine.n, mine.score, mine.difference], [2, 1, 0]);
});

Deno.test("the share of the full cache's bytes that stays is of the rows that both answered", () => {
  const full = samples("keep_all", 0, [1, 1]).map((sample, row) => ({ ...sample, live_bytes: [400, 1000][row] }));
  const own = samples("mine", 0, [1, 1, 1]).map((sample, row) => ({ ...sample, live_bytes: [100, 600, 9][row] }));
  const [, mine] = settingComparisons([...full, ...own]);
  assertEquals(mine.live_share, 0.5);
  assertEquals(settingComparisons(own)[0].live_share, null);
});

Deno.test("without an oracle above the floor there is no gap to close", () => {
  const [, mine] = settingComparisons(ALL.filter(({ policy }) => policy !== "oracle"));
  assertEquals(mine.oracle_gap_closed, null);
});

Deno.test("only tasks that the full cache solves count, and few rows are not sure", () => {
  const gates = taskGates(taskScores([
    ...samples("keep_all", 0, Array(50).fill(1)),
    ...samples("keep_all", 0, [0, 0, 0.5], "b"),
    ...samples("mine", 0.5, [1], "b"),
  ]));
  assertEquals(gates.map(({ task, gate, n }) => [task, gate, n]), [["a", "open", 50], ["b", "closed, unsure", 3]]);
  assertAlmostEquals(gates[1].full_score, 1 / 6);
  assertEquals(openTasks(gates), ["a"]);
});
