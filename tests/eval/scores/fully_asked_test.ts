import { assertEquals } from "@std/assert";
import { fullyAsked, type ScoredSample } from "kvmirror/eval";

function sample(policy: string, compression_ratio: number, index: number): ScoredSample {
  const measures = { score: 1, kl: [0], agreement: [1], answer_tokens: 1, live_bytes: 1 };
  return { policy, compression_ratio, index, context: index, task: index < 2 ? "short" : "long", ...measures };
}

Deno.test("only those that were asked wherever any was at the ratio are compared", () => {
  const samples = [
    ...[0, 1, 2].map((index) => sample("tova", 0.5, index)),
    ...[0, 1].map((index) => sample("knorm", 0.5, index)),
    ...[2, 0, 1].map((index) => sample("snapkv", 0.5, index)),
    sample("knorm", 0.75, 0),
  ];
  assertEquals(fullyAsked(samples, 0.5), ["tova", "snapkv"]);
  assertEquals(fullyAsked(samples, 0.75), ["knorm"]);
  assertEquals(fullyAsked(samples, 0.9), []);
});
