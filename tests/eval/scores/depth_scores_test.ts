import { assertEquals, assertThrows } from "@std/assert";
import { depthScores, type EvaluatedSample } from "kvmirror/eval";

function sample(score: number, depth: number | undefined, length: number): EvaluatedSample {
  return {
    policy: "mine",
    compression_ratio: 0.5,
    index: 0,
    context: 0,
    task: "a",
    score,
    row: { task: "a", context: "c", question: "", answer_prefix: "", answer: ["x"], max_new_tokens: 1, depth, length },
    prediction: "",
    answer_tokens: 1,
    context_tokens: 1,
    live_bytes: 1,
    kl: [],
    agreement: [],
  };
}

Deno.test("scores are averaged by depth and length; rows without a needle do not count", () => {
  const samples = [
    sample(1, 0.1, 8),
    sample(0, 0.19, 8),
    sample(1, 0.2, 8),
    sample(0.5, 0.99, 16),
    sample(1, 0, 16),
    sample(1, undefined, 8),
  ];
  assertEquals(depthScores(samples).map(({ depth, length, n, score }) => [depth, length, n, score]), [
    [0, 8, 2, 0.5],
    [0, 16, 1, 1],
    [0.2, 8, 1, 1],
    [0.8, 16, 1, 0.5],
  ]);
  assertThrows(() => depthScores(samples, 0), RangeError, "0 depths");
});
