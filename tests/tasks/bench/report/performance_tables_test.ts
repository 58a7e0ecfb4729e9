import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  type BenchRow,
  describeRow,
  type ReportRow,
  withDivergences,
} from "../../../../tasks/bench/plan/bench_result.ts";
import { decodeChart, readingChart } from "../../../../tasks/bench/report/performance_charts.ts";
import { divergenceTable, metricTable, targetsTable } from "../../../../tasks/bench/report/performance_tables.ts";

const row = (system: string, metric: string, context: number, value: number, unit = "ms/token"): BenchRow => (
  { system, metric, context, value, unit, low: value, high: value, rounds: 1 }
);
const against = "pytorch 2.13.0";
const ROWS: ReportRow[] = [
  { ...row("kvmirror", "kl", 1000, 0.25, "nats/token"), against },
  { ...row("kvmirror", "kl_top1", 1000, 0.7, "share"), against },
  row("kvmirror", "decode", 64, 10),
  row("kvmirror", "cache_bytes", 64, 4096, "bytes"),
  row("kvmirror", "read_bounded", 8192, 10, "s"),
  row("kvmirror", "read_bounded", 16384, 20, "s"),
  row("kvmirror", "read_full", 8192, 15, "s"),
  row("kvmirror", "read_full", 16384, 60, "s"),
  row("transformers.js", "decode", 64, 12),
  { system: "mute", metric: "kl", context: 1000, value: null, unit: "nats/token", reason: "it gives no logits" },
  { system: "mute", metric: "kl_top1", context: 1000, value: null, unit: "share", reason: "it gives no logits" },
  row("mute", "decode", 64, 8),
  { system: "mute", metric: "read_full", context: 8192, value: null, unit: "s", reason: "the model's context is 64" },
];
const REPORT = {
  command: "deno task bench",
  ...{ machine: "made up", date: "2026-01-01", commit: null, model: null, systems: {}, versions: {} },
  rows: withDivergences(ROWS),
};

Deno.test("a speed carries what its system's answers lose, or why that is not known; other rows carry nothing", () => {
  const carried = REPORT.rows.filter(({ metric }) => metric === "decode" || metric === "cache_bytes");
  assertEquals(
    carried.map(({ system, metric, ...row }) => {
      const { kl, kl_top1, kl_missing } = row as BenchRow;
      return [system, metric, kl, kl_top1, kl_missing];
    }),
    [
      ["kvmirror", "decode", 0.25, 0.7, undefined],
      ["kvmirror", "cache_bytes", undefined, undefined, undefined],
      ["transformers.js", "decode", null, null, "not measured: kl is not among the metrics"],
      ["mute", "decode", null, null, "it gives no logits"],
    ],
  );
  // Twice is once: a file that is rendered again carries them already.
  assertEquals(withDivergences(REPORT.rows), REPORT.rows);
});

Deno.test("a line of text says it too", () => {
  const lines = REPORT.rows.map((row) => describeRow(row, REPORT.rows).replace(/ +/g, " "));
  assertStringIncludes(lines[0], "kvmirror kl 1000 0.25 nats/token (0.25 to 0.25) against pytorch 2.13.0");
  assertStringIncludes(lines[2], "kvmirror decode 64 10.00 ms/token (10.00 to 10.00) KL 0.25, top-1 70.0 %");
  assertStringIncludes(lines[8], "KL not measured: kl is not among the metrics kvmirror 1.20×");
  assertStringIncludes(lines[11], "KL it gives no logits kvmirror 0.80×");
  assertEquals(lines[12], "mute read_full 8192 none: the model's context is 64");
});

Deno.test("tables of speeds have it in a column, and say why a number is missing", () => {
  assertEquals(
    metricTable(REPORT.rows, "decode")!.trim().split("\n").slice(2),
    [
      "| kvmirror | 0.2500 | 70.0 % | 10.0 |",
      "| transformers.js | not measured: kl is not among the metrics | – | 12.0 |",
      "| mute | it gives no logits | – | 8.0 |",
    ],
  );
  assertStringIncludes(metricTable(REPORT.rows, "read_full")!, "| none: the model's context is 64 |");
  assertEquals(metricTable(REPORT.rows, "cache_bytes")!.includes("kl_nats"), false);
  assertStringIncludes(divergenceTable(REPORT)!, "| mute | it gives no logits | – |");
  const rows = REPORT.rows.map((row) => row.context === 64 ? { ...row, context: 1024 } : row);
  assertStringIncludes(targetsTable({ ...REPORT, rows })!, "| 0.2500 | not measured: kl is not among the metrics |");
});

Deno.test("charts of speeds have it in the name of each line; a bound's time is told beside the full cache's", async () => {
  const text = JSON.stringify((await decodeChart(REPORT))!);
  for (const label of ["kvmirror, KL 0.25", "transformers.js, KL not measured"]) assertStringIncludes(text, label);
  const reading = JSON.stringify((await readingChart(REPORT))!);
  assertStringIncludes(reading, "2× the text takes 2.0× as long under a bound, 4.0× with all rows");
  assertStringIncludes(reading, "kvmirror, 1,024 rows a head, KL 0.25");
  const [{ context }] = REPORT.rows.filter(({ metric }) => metric === "read_full");
  const one = REPORT.rows.filter((row) => !row.metric.startsWith("read_") || row.context === context);
  assertMatch(
    JSON.stringify((await readingChart({ ...REPORT, rows: one }))!),
    /[\d,]+ tokens take [\d.]+ s under a bound, [\d.]+ s with all rows/,
  );
});
