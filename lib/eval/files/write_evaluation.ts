import { jsonReport, saveFigure, writeReport } from "../../report/files/write_report.ts";
import { table } from "../../report/table/table.ts";
import type { EvaluatedSample } from "../run/sample.ts";
import { depthScores } from "../scores/depth_scores.ts";
import {
  type EvaluationReport,
  evaluationReport,
  failureRows,
  type ReportedEvaluation,
  reportMarkdown,
} from "./evaluation_report.ts";

/**
 * Writes an evaluation's files into a folder, each atomically: what `deno task evaluate --output` writes.
 *
 * - `results.json`: a row a setting and task, with `score` in [0, 1], its 95 % interval and `n`, the number of rows.
 * - `predictions.jsonl`: a line a sample, with what the model said and its score; `predictions.csv` has kvpress's columns.
 * - `measures.jsonl`: a line a sample, with sizes in bytes and tokens, and at each token of the full cache's answer the
 *   divergence in nats and whether the likeliest token is the same.
 * - `summary.json`: which tasks count, the settings over those, perplexities, what failed.
 * - `report.md` and `figures/`: the same for readers.
 *
 * @returns the statistics that the files tell
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { evaluate, taskRows, writeEvaluation } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const rows = taskRows(model.tokenizer, "niah_single_2", { length: 512, samples: 2 });
 * const evaluation = await evaluate(model, rows, [{ policy: policy("snapkv"), compressionRatio: 0.5 }]);
 * const folder = await Deno.makeTempDir();
 * await writeEvaluation(folder, { ...evaluation, provenance: `snapkv on ${model.origin.label}` });
 * assert((await Deno.stat(`${folder}/report.md`)).isFile);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function writeEvaluation(folder: string, evaluation: ReportedEvaluation): Promise<EvaluationReport> {
  const report = evaluationReport(evaluation);
  const { samples, results, gates, comparisons, failures, perplexities } = report;
  await writeReport(`${folder}/results.json`, jsonReport(results));
  await writeReport(`${folder}/predictions.jsonl`, lines(samples.map(prediction)));
  await writeReport(`${folder}/measures.jsonl`, lines(samples.map(measures)));
  await writeReport(`${folder}/predictions.csv`, predictionsCsv(samples));
  await writeReport(
    `${folder}/summary.json`,
    jsonReport({ gates, comparisons, perplexity: perplexities, failures: failureRows(failures) }),
  );
  const evicting = results.some(({ policy }) => policy !== "keep_all");
  const figures = evicting ? await drawFigures(folder, report) : "";
  await writeReport(`${folder}/report.md`, reportMarkdown(report, figures));
  return report;
}

/** Draws the scores and, where there are several lengths, needle depth against length, one heat map a ratio. */
async function drawFigures(
  folder: string,
  { samples, results, gates }: Pick<EvaluationReport, "samples" | "results" | "gates">,
): Promise<string> {
  // Charts load native code, which an evaluation without charts does not need.
  const { depthChart, scoreChart } = await import("./evaluation_charts.ts");
  let figures = await saveFigure(`${folder}/figures`, "scores", await scoreChart(results, gates));
  const scores = depthScores(samples);
  if (new Set(scores.map(({ length }) => length)).size < 2) return figures;
  const ratios = [...new Set(scores.filter(({ policy }) => policy !== "keep_all").map((row) => row.compression_ratio))];
  for (const ratio of ratios) {
    figures += `\n${await saveFigure(`${folder}/figures`, `depth_${ratio}`, await depthChart(scores, ratio))}`;
  }
  return figures;
}

function prediction({ index, task, policy, compression_ratio, prediction, score }: EvaluatedSample): object {
  return { index, task, policy, compression_ratio, prediction, score };
}

/** What stands beside a score: by step the divergence and the agreement, and sizes. */
function measures(sample: EvaluatedSample): object {
  const { index, context, task, policy, compression_ratio, score, row } = sample;
  const { context_tokens, answer_tokens, live_bytes, kl, agreement } = sample;
  return {
    index,
    context,
    task,
    policy,
    compression_ratio,
    score,
    length: row.length ?? null,
    depth: row.depth ?? null,
    context_tokens,
    answer_tokens,
    live_bytes,
    kl,
    agreement,
  };
}

function lines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** The evaluation of a model with its weights held in one way. */
export interface ModelReport extends EvaluationReport {
  /** The model's name. */
  readonly model: string;
  /** How its weights are held. */
  readonly weights: string;
}

/**
 * Writes `results.json` and `report.md` beside the folders of several weights: all their results in one file, and their
 * scores in one table.
 *
 * @param reports one for each folder, which goes by its weights
 */
export async function writeWeightsComparison(folder: string, reports: readonly ModelReport[]): Promise<void> {
  const rows = reports.flatMap(({ weights, results }) => results.map((row) => ({ weights, ...row })));
  await writeReport(`${folder}/results.json`, jsonReport(rows));
  const settings = Map.groupBy(
    rows,
    ({ task, policy, compression_ratio }) => JSON.stringify([task, policy, compression_ratio]),
  );
  const scores = [...settings.values()].map((own) => ({
    task: own[0].task,
    policy: own[0].policy,
    compression_ratio: own[0].compression_ratio,
    n: own[0].n,
    ...Object.fromEntries(
      own.map((row) => [row.weights, `${row.score.toFixed(3)} [${row.ci_low.toFixed(3)}, ${row.ci_high.toFixed(3)}]`]),
    ),
  }));
  const folders = reports.map(({ weights }) => `[${weights}](${weights}/report.md)`).join(", ");
  await writeReport(
    `${folder}/report.md`,
    [
      "# Evaluation by weights",
      `Scores with their 95 % intervals. The reports of each: ${folders}.`,
      table(scores).markdown,
      reports[0].provenance,
    ].join("\n\n") + "\n",
  );
}

const COLUMNS = [
  "task",
  "question",
  "answer_prefix",
  "answer",
  "max_new_tokens",
  "predicted_answer",
  "compression_ratio",
  "press_name",
];

/**
 * The predictions with the columns of kvpress's `predictions.csv` (RFC 4180), all presses in one file: its own column,
 * `press_name`, is the last. Lists are JSON. What a model said may begin like a formula: see {@linkcode quote}.
 */
function predictionsCsv(samples: readonly EvaluatedSample[]): string {
  const lines = samples.map(({ row, prediction, policy, compression_ratio }) => [
    row.task,
    row.question,
    row.answer_prefix,
    JSON.stringify(row.answer),
    String(row.max_new_tokens),
    prediction,
    String(compression_ratio),
    policy === "keep_all" && compression_ratio === 0 ? "no_press" : policy,
  ]);
  return [COLUMNS, ...lines].map((fields) => `${fields.map(quote).join(",")}\n`).join("");
}

/** A field as a spreadsheet shows it: one that would be a formula there begins with an apostrophe. The JSON lines are exact. */
function quote(field: string): string {
  const text = /^[=+\-@\t\r]/.test(field) ? `'${field}` : field;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
