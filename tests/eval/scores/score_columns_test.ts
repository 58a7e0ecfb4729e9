import { assertEquals } from "@std/assert";
import { scoreColumns, type TaskScore } from "kvmirror/eval";

function row(policy: string, compression_ratio: number, score: number): TaskScore {
  return { policy, compression_ratio, task: "t", score, n: 50, ci_low: score - 0.1, ci_high: score + 0.1 };
}

Deno.test("a line a policy, the best first by the mean over what it was asked, gaps where it was not", () => {
  const rows = [row("keep_all", 0, 1), row("snapkv", 0.5, 0.3), row("tova", 0.875, 0.4), row("snapkv", 0.875, 0.2)];
  assertEquals(scoreColumns(rows, [0.5, 0.875]), [
    { policy: "tova", n: 50, at_2x: null, at_8x: "0.40 [0.30, 0.50]" },
    { policy: "snapkv", n: 50, at_2x: "0.30 [0.20, 0.40]", at_8x: "0.20 [0.10, 0.30]" },
  ]);
  assertEquals(scoreColumns([], [0.5]), []);
});
