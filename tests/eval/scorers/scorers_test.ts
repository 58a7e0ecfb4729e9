import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { DatasetRow } from "kvmirror/eval";
import { scoreAnswer, scorerOf, SCORERS } from "../../../lib/eval/scorers/scorers.ts";

/** What tests/goldens/make_scorer_goldens.py writes. */
interface ScoredCase extends Pick<DatasetRow, "task" | "answer" | "all_classes"> {
  readonly prediction: string;
  readonly score: number;
}

const CASES: ScoredCase[] = JSON.parse(
  Deno.readTextFileSync(new URL("../../goldens/scorers.json", import.meta.url)),
);

Deno.test("scores are those of kvpress's evaluation, of the scorer that it takes for the task", () => {
  let largest = 0;
  for (const { prediction, score, ...row } of CASES) {
    const ours = scoreAnswer(prediction, row);
    largest = Math.max(largest, Math.abs(ours - score));
    assertAlmostEquals(ours, score, 1e-12, JSON.stringify([row, prediction]));
  }
  console.log(`${CASES.length} scores, largest difference ${largest}`);
});

Deno.test("a row's scorer goes before its task's, and a task that is not known is scored by string_match", () => {
  assertEquals(scorerOf({ task: "qasper" }), "token_f1");
  assertEquals(scorerOf({ task: "qasper@1024" }), "token_f1");
  assertEquals(scorerOf({ task: "qasper", scorer: "exact" }), "exact");
  assertEquals(["niah_single_1", "vt", "mine"].map((task) => scorerOf({ task })), Array(3).fill("string_match"));
});

Deno.test("hand-computed scores", () => {
  const row = { task: "t" };
  assertEquals(SCORERS.exact.score(" blue\n", ["red", "blue "], row), 1);
  assertEquals(SCORERS.exact.score("blue.", ["blue"], row), 0);
  assertEquals(SCORERS.exact.score("so \\boxed{\\frac{1}{2}}", ["\\frac{1}{2}"], row), 1);
  // Two of three words said, two of two wanted.
  assertAlmostEquals(SCORERS.token_f1.score("The blue, old sky", ["blue sky"], row), 2 * (2 / 3) / (2 / 3 + 1));
  assertEquals(SCORERS.token_f1.score("an the", ["blue"], row), 0);
  // "a c" of three words each.
  assertAlmostEquals(SCORERS.rouge_l.score("a b c", ["a c d"], row), 2 / 3, 1e-7);
  assertEquals(SCORERS.rouge_l.score("", ["a"], row), 0);
  assertEquals(SCORERS.choice.score("B", ["B"], row), 1);
  assertEquals(SCORERS.choice.score("cat or dog", ["cat"], { ...row, all_classes: ["cat", "dog"] }), 0.5);
  assertThrows(() => scoreAnswer("a", { task: "t", answer: [] }), RangeError, "without references");
});

Deno.test("a scorer that is not there is refused with the nearest", () => {
  for (const scorer of ["rouge-l", "constructor"]) {
    const row = { task: "t", answer: ["a"], scorer };
    const { message } = assertThrows(() => scoreAnswer("a", row), RangeError, `Cannot find scorer "${scorer}"`);
    assertEquals(message.includes("did you mean rouge_l?"), scorer === "rouge-l", message);
  }
});
