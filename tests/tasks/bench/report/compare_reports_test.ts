import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { BenchRow } from "../../../../tasks/bench/plan/bench_result.ts";
import { compareReports, printComparisons } from "../../../../tasks/bench/report/compare_reports.ts";

const row = (system: string, metric: string, value: number, half = 0, unit = "ms/token"): BenchRow => (
  { system, metric, context: 64, value, unit, low: value - half, high: value + half, rounds: 3 }
);

Deno.test("a machine half as fast is not slower: rows are multiples of the peer's", () => {
  const then = [row("kvmirror", "decode", 5), row("transformers.js", "decode", 10)];
  const now = [row("kvmirror", "decode", 10), row("transformers.js", "decode", 20)];
  const { compared: [decode] } = compareReports(then, now);
  assertEquals([decode.ratio, decode.slower], [1, false]);
});

Deno.test("slower is beyond the spread of both runs, whichever way the metric points", () => {
  const peers = [row("transformers.js", "decode", 10), row("transformers.js", "prefill", 100, 0, "tokens/s")];
  const then = [row("kvmirror", "decode", 5, 0.5), row("kvmirror", "prefill", 400, 0, "tokens/s"), ...peers];
  const within = [row("kvmirror", "decode", 5.5, 0.55), row("kvmirror", "prefill", 500, 0, "tokens/s"), ...peers];
  const beyond = [row("kvmirror", "decode", 6.5, 0.5), row("kvmirror", "prefill", 300, 0, "tokens/s"), ...peers];
  const [decode, prefill] = compareReports(then, within).compared;
  assertAlmostEquals(decode.spread, 1 + Math.hypot(0.1, 0.1));
  assertEquals([decode.slower, prefill.slower, prefill.ratio], [false, false, 0.8]);
  assert(compareReports(then, beyond).compared.every(({ slower }) => slower));
});

Deno.test("after evictions the yardstick is the peer's full cache; of what transformers.js lacks, another peer's row", () => {
  const then = [
    row("kvmirror", "decode_evicted_75", 4),
    row("kvmirror", "study", 1),
    row("kvmirror", "study_policies_2", 1),
    row("kvmirror", "read_bounded", 1, 0, "s"),
    row("kvmirror", "simulate", 1),
    row("transformers.js", "decode", 10),
    row("transformers.js", "read_full", 5, 0, "s"),
    row("kvpress", "study", 9),
    row("original (Python)", "simulate", 20),
  ];
  assertEquals(compareReports(then, then).compared.map(({ metric, yardstick }) => [metric, yardstick]), [
    ["decode_evicted_75", "transformers.js, decode"],
    ["study", "kvpress, study"],
    ["study_policies_2", "kvpress, study"],
    ["read_bounded", "transformers.js, read_full"],
    ["simulate", "original (Python), simulate"],
  ]);
});

Deno.test("rows without a peer, rows that the earlier run lacks and rows that are not measured now are named, not compared", () => {
  const decode = [row("kvmirror", "decode", 5), row("transformers.js", "decode", 10)];
  const peer = row("transformers.js", "kl", 0.1);
  const then = [...decode, peer, row("kvmirror", "kl", 0.1), row("kvmirror", "first_token", 90)];
  const now = [...decode, peer, row("kvmirror", "kl", 0.2), row("kvmirror f32", "decode", 9)];
  const printed: string[] = [];
  assertEquals(printComparisons(compareReports(then, now), (text) => printed.push(text)), 0);
  assertEquals(printed.slice(-4), [
    "not compared, as no peer's row in both runs is a measure of them: kl",
    "not compared, as the earlier run lacks them: decode",
    "not measured now: first_token",
    "0 of 1 rows got slower beyond the spread of both runs",
  ]);
});

Deno.test("one round says nothing of its spread: a few percent are the hour's", () => {
  const peer = row("transformers.js", "decode", 10);
  const slower = (now: number) =>
    compareReports([row("kvmirror", "decode", 5), peer], [row("kvmirror", "decode", now), peer]).compared[0].slower;
  assertEquals([slower(5.2), slower(5.3)], [false, true]);
});
