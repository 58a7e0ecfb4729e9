import { assertEquals } from "@std/assert";
import { fullyAsked, type ScoredCell } from "kvmirror/eval";

function cell(policy: string, compression_ratio: number, index: number): ScoredCell {
  const measures = { score: 1, kl: [0], agreement: [1], answer_tokens: 1, live_bytes: 1 };
  return { policy, compression_ratio, index, context: index, task: index < 2 ? "short" : "long", ...measures };
}

Deno.test("only those that were asked wherever any was at the ratio are compared", () => {
  const cells = [
    ...[0, 1, 2].map((index) => cell("tova", 0.5, index)),
    ...[0, 1].map((index) => cell("knorm", 0.5, index)),
    ...[2, 0, 1].map((index) => cell("snapkv", 0.5, index)),
    cell("knorm", 0.75, 0),
  ];
  assertEquals(fullyAsked(cells, 0.5), ["tova", "snapkv"]);
  assertEquals(fullyAsked(cells, 0.75), ["knorm"]);
  assertEquals(fullyAsked(cells, 0.9), []);
});
