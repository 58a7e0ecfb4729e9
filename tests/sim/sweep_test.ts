import { assertEquals } from "@std/assert";
import { simulate, sweep, syntheticSequence } from "kvmirror";
import { policy } from "kvmirror/policies";

Deno.test("a sweep is the simulations of each setting and policy, in order, its settings beside them", () => {
  const settings = [
    { sequenceLength: 300, windowSize: 32, topk: 8, seed: 2n ** 64n },
    { sequenceLength: 500, windowSize: 64, topk: 9, sinkTokens: 4, headCount: 2 },
  ];
  const policies = ({ windowSize, topk }: { windowSize?: number; topk?: number }) => [
    policy("keep_all"),
    policy("hybrid", { windowSize, topk }),
  ];
  const rows = sweep(settings, policies);
  const simulations = settings.flatMap((setting) =>
    policies(setting).map((chosen) => {
      const { sequenceLength, seed, sinkTokens, topk, headCount } = setting;
      return simulate(syntheticSequence({ sequenceLength, seed, sinkTokens }), chosen, { topk, headCount });
    })
  );
  assertEquals(rows.length, 4);
  simulations.forEach(({ stats, ...rest }, index) => {
    assertEquals({ ...rows[index], ...rest, ...stats }, rows[index]);
  });
  assertEquals(rows.map((row) => [row.seed, row.sink_tokens, row.window_size, row.topk, row.compression_ratio]), [
    ["18446744073709551616", 16, 32, 8, 0],
    ["18446744073709551616", 16, 32, 8, 0],
    ["42", 4, 64, 9, 0],
    ["42", 4, 64, 9, 0],
  ]);
});

Deno.test("a sweep over ratios holds policies without numbers of their own to a budget", () => {
  const settings = [0, 0.5, 0.75].map((compressionRatio) => ({ sequenceLength: 1024, compressionRatio }));
  const rows = sweep(settings, () => [policy("hybrid"), policy("streaming_llm")]);
  assertEquals(rows.map((row) => row.kept_tokens), [1024, 1024, 512, 512, 256, 256]);
});
