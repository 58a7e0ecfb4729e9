import { bytes, escapeMarkdown, fixed, plain, saveFigure, table, writeReport } from "kvmirror/report";
import { basename, dirname } from "node:path";
import { LOOKUP_ANSWER_TOKENS } from "../metrics/lookup.ts";
import { BOUNDED_ROWS } from "../metrics/reading.ts";
import { divergenceOf, withDivergences } from "../plan/bench_result.ts";
import type { BenchReport } from "./bench_report.ts";
import {
  decodeChart,
  evictionChart,
  prefillChart,
  profileChart,
  readingChart,
  studyChart,
} from "./performance_charts.ts";
import {
  divergenceTable,
  floorTable,
  lookupTable,
  metricTable,
  profilePartsTable,
  profileTable,
  studyTable,
  targetsTable,
} from "./performance_tables.ts";

/** Metrics that have a table, in their order: a title, and how numbers are written. */
const TABLES = [
  ["decode", "ms a token", fixed(1)],
  ["prefill", "tokens read a second", fixed(0)],
  ["first_token", "ms to the first token", fixed(0)],
  ["decode_evicted_50", "ms a token, half of the rows evicted", fixed(1)],
  ["decode_evicted_75", "ms a token, three quarters of the rows evicted", fixed(1)],
  ["decode_evicted_87.5", "ms a token, seven eighths of the rows evicted", fixed(1)],
  [
    "cache_bytes",
    "bytes of the cache, rows of the text and of the tokens timed; onnxruntime-genai does not tell",
    bytes,
  ],
  ["read_bounded", `seconds to read a text under a bound of ${plain(BOUNDED_ROWS)} rows a head`, fixed(1)],
  ["read_full", "seconds to read it with all rows", fixed(1)],
  ["load_cold", "ms to an open model, nothing built yet", fixed(0)],
  ["load_warm", "ms to an open model, built before; the start of the process is in it", fixed(0)],
  [
    "load_0.5b_cold",
    "a model of Qwen2.5-0.5B's shape, weights drawn, int8: ms to an open model, nothing built yet",
    fixed(0),
  ],
  ["load_0.5b_warm", "the same, built before", fixed(0)],
  ["load_0.5b_resident", "resident memory of its process, model open", bytes],
  ["load_0.5b_weights", "its weights as they are built", bytes],
  ["resident_loaded", "resident memory of the process, model open", bytes],
  ["resident_peak", "most resident memory, text read and tokens generated", bytes],
  ["simulate", "seconds for the original's synthetic sequence", fixed(2)],
  ["simulate_peak", "most resident memory for it", bytes],
] as const;

/** Pictures in their order, by the names of their files. */
const CHARTS = [
  ["decode", decodeChart],
  ["prefill", prefillChart],
  ["eviction", evictionChart],
  ["reading", readingChart],
  ["study", studyChart],
  ["profile", profileChart],
] as const;

/**
 * Writes a run as Markdown, pictures first, with its figures in the folder `figures` beside it.
 *
 * @param path `reports/performance.md`
 */
export async function writePerformanceReport(path: string, written: BenchReport): Promise<void> {
  const report = { ...written, rows: withDivergences(written.rows) };
  const folder = `${dirname(path)}/figures`;
  // Reports of one folder keep their pictures apart; the notebook's own report is `performance`.
  const stem = basename(path, ".md");
  const prefix = stem === "performance" ? "11_" : `11_${stem}_`;
  const of = report.model === null ? "" : `: ${report.model.name}`;
  const lines = [
    `# Performance${of}`,
    "",
    "Written by `deno task bench --output`: change the task, not this file.",
    "",
  ];
  if (report.unfinished) lines.push("**The run was interrupted**: rows hold the rounds that were finished.", "");
  for (
    const [name, draw] of CHARTS
  ) {
    const chart = await draw(report);
    if (chart !== undefined) lines.push(await saveFigure(folder, `${prefix}${name}`, chart));
  }
  const targets = targetsTable(report);
  if (targets !== undefined) lines.push("## Aims", "", "How many times as good, in this run:", "", targets);
  lines.push("## Systems", "", systemsTable(report));
  lines.push("## Measured", "", "Medians of rounds in turns, the lowest and the highest round in parentheses.", "");
  for (const [metric, title, format] of TABLES) {
    const written = metricTable(report.rows, metric, format);
    if (written !== undefined) lines.push(`**${metric}**: ${title}`, "", written);
  }
  const studies = studyTable(report.rows);
  if (studies !== undefined) {
    lines.push(
      "**study**: seconds a sample, by the number of policies; ours at 4 ratios on 2 texts, a text read once for all its samples, " +
        "kvpress one sample a policy",
      "",
      studies,
    );
  }
  lines.push(...lookupSection(report));
  lines.push(...divergenceSection(report), ...timeSection(report));
  lines.push(origin(report, basename(path)));
  await writeReport(path, `${lines.join("\n").trim()}\n`);
}

function lookupSection({ rows }: BenchReport): string[] {
  const written = lookupTable(rows);
  if (written === undefined) return [];
  const read = rows.find(({ metric }) => metric === "lookup_quote")?.context ?? 0;
  return [
    `**lookup**: ms a token of ${LOOKUP_ANSWER_TOKENS} after the first, on a text of ${
      plain(read)
    } tokens; prompt lookup ` +
    "drafts the words that the text has after the answer's last ones",
    "",
    written,
  ];
}

function systemsTable({ systems }: BenchReport): string {
  return table(Object.entries(systems).map(([system, runs]) => ({ system, runs }))).markdown;
}

function divergenceSection(report: BenchReport): string[] {
  const written = divergenceTable(report);
  if (written === undefined) return [];
  const [judged] = report.rows.filter(({ metric }) => metric === "kl").map(({ system }) =>
    divergenceOf(report.rows, system)
  )
    .filter((lost) => "kl" in lost);
  const tokens = judged === undefined ? "" : `, mean over the first ${plain(judged.tokens)} tokens of Moby-Dick`;
  const against = judged === undefined ? "float32" : judged.against;
  return [
    "## What answers lose",
    "",
    `KL divergence from ${against}${tokens}, each predicted from the true ones before it, and how often the likeliest ` +
    "token is the reference's; beside what the system takes in this run.",
    "",
    written,
  ];
}

function timeSection(report: BenchReport): string[] {
  const { profiles = [], floor } = report;
  if (profiles.length === 0 && floor === undefined) return [];
  const lines = ["## Where the time goes", ""];
  if (profiles.length > 0) {
    lines.push(
      "By onnxruntime's own profiler, which slows every node down: shares, beside what a token takes without it. " +
        "*Between operators* is the executor and most of the profiler's cost; *outside* is JavaScript and the binding.",
      "",
      profilePartsTable(profiles),
    );
    for (const profile of profiles) {
      lines.push(`At ${plain(profile.context)} rows, a token:`, "", profileTable(profile));
    }
  }
  const written = floorTable(report);
  if (written !== undefined && floor !== undefined) {
    lines.push(
      `The floor: weights and rows read once a token, at ${fixed(1)(floor.bandwidth / 1e9)} GB/s, the best of 8 sums ` +
        "over 512 MiB by onnxruntime's ReduceSum with all threads in the same run.",
      "",
      written,
    );
  }
  return lines;
}

function origin({ command, model, machine, date, commit }: BenchReport, name: string): string {
  const weights = model === null ? "no model" : `model ${escapeMarkdown(model.name)}, sha256 \`${model.sha256}\``;
  const json = name.replace(/\.md$/, ".json");
  return `*Made by \`${command}\`; ${weights}; ${machine}; ${date.slice(0, 10)}, commit ${
    commit ?? "unknown"
  }. Every number is in \`${json}\`.*`;
}
