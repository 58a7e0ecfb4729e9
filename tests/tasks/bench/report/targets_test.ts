import { assertEquals } from "@std/assert";
import type { BenchRow } from "../../../../tasks/bench/plan/bench_result.ts";
import { reachedTargets } from "../../../../tasks/bench/report/targets.ts";

Deno.test("aims are ratios of rows of one run; those that were not measured are left out", () => {
  const row = (
    system: string,
    metric: string,
    context: number,
    value: number,
    unit: BenchRow["unit"] = "ms/token",
  ): BenchRow => (
    { system, metric, context, value, unit, low: value, high: value, rounds: 1 }
  );
  const rows = [
    row("kvmirror", "decode", 4096, 8),
    row("transformers.js", "decode", 4096, 48),
    row("kvmirror", "decode_evicted_87.5", 4096, 6),
    row("kvmirror", "prefill", 4096, 900, "tokens/s"),
    row("transformers.js", "prefill", 4096, 750, "tokens/s"),
    row("kvmirror f32", "study", 2000, 0.5, "s/sample"),
    row("kvpress", "study", 2000, 6, "s/sample"),
    row("kvmirror", "load_0.5b_warm", 0, 1500, "ms"),
    row("kvmirror", "load_0.5b_resident", 0, 960, "bytes"),
    row("kvmirror", "load_0.5b_weights", 0, 400, "bytes"),
  ];
  const floor = { bandwidth: 1e9, weightBytes: 1e6, tokenBytes: 1e3 };
  assertEquals(
    reachedTargets(rows, floor).map((
      { metric, against, target, reached, met },
    ) => [metric, against, target, Number(reached.toFixed(3)), met]),
    [
      ["decode", "transformers.js", "≥ 5×", 6, "yes"],
      ["decode_evicted_87.5", "transformers.js, decode", "≥ 10×", 8, "no"],
      ["prefill", "transformers.js", "≥ 1.5×", 1.2, "no"],
      ["study, float32 weights", "kvpress", "≥ 10×", 12, "yes"],
      ["load_0.5b_warm", "3 s", "≤ 1×", 0.5, "yes"],
      ["load_0.5b_resident", "its weights", "≤ 1.2×", 2.4, "no"],
      ["decode", "the floor", "≤ 1.5×", 1.57, "no"],
    ],
  );
});
