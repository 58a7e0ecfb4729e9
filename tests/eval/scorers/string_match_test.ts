import { assertEquals } from "@std/assert";
import { SCORERS } from "kvmirror/eval";
import { evaluationGolden } from "../../fixtures/evaluation_golden.ts";

const stringMatch = (task: string, prediction: string, references: readonly string[]) =>
  SCORERS.string_match.score(prediction, references, { task });

Deno.test("scores are those of kvpress's calculate_metrics", () => {
  const { said, scores } = evaluationGolden();
  for (const [task, own] of Map.groupBy(said, ({ task }) => task)) {
    const mean = own.reduce((sum, { prediction, answer }) => sum + stringMatch(task, prediction, answer), 0) /
      own.length;
    assertEquals(Number((100 * mean).toFixed(2)), scores[task], task);
  }
});

Deno.test("the share of references counts, in capitals or not; of a question with alternatives, any", () => {
  assertEquals(stringMatch("vt", "abc DEF", ["ABC", "def", "x", "y"]), 0.5);
  assertEquals(stringMatch("qa_2", "abc", ["ABC", "def"]), 1);
  assertEquals(stringMatch("niah", "12\n34", ["1234"]), 1);
  assertEquals(stringMatch("niah", "", ["1"]), 0);
  assertEquals(stringMatch("longdialogue_qa_eng", "abc", ["ABC", "def"]), 1);
});
