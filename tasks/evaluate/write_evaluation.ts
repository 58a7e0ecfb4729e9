import { armComparisons, depthScores, type EvaluatedCell, openTasks } from "kvmirror/eval";
import { jsonReport, saveFigure, writeReport } from "kvmirror/report";
import { type EvaluationReport, evaluationReport, failureRows } from "./evaluation_report.ts";
import { depthChart } from "./depth_chart.ts";
import { predictionsCsv } from "./predictions_csv.ts";
import { scoreChart } from "./score_chart.ts";

/** Writes an evaluation's files into a folder, each whole. */
export async function writeEvaluation(folder: string, report: Omit<EvaluationReport, "figures">): Promise<void> {
  const { cells, results, gates, failures, perplexities } = report;
  await writeReport(`${folder}/results.json`, jsonReport(results));
  await writeReport(`${folder}/predictions.jsonl`, lines(cells.map(prediction)));
  await writeReport(`${folder}/measures.jsonl`, lines(cells.map(measures)));
  await writeReport(`${folder}/predictions.csv`, predictionsCsv(cells));
  const comparisons = armComparisons(cells, openTasks(gates)).map(withoutNaN);
  await writeReport(
    `${folder}/summary.json`,
    jsonReport({ gates, comparisons, perplexity: perplexities, failures: failureRows(failures) }),
  );
  const evicting = results.some(({ policy }) => policy !== "keep_all");
  const figures = evicting
    ? await saveFigure(`${folder}/figures`, "scores", await scoreChart(results, gates)) +
      await depthFigures(folder, cells)
    : "";
  await writeReport(`${folder}/report.md`, evaluationReport({ ...report, figures }));
}

/** Heat maps of needle depth against length, one a ratio, where there are several lengths. */
async function depthFigures(folder: string, cells: readonly EvaluatedCell[]): Promise<string> {
  const scores = depthScores(cells);
  if (new Set(scores.map(({ length }) => length)).size < 2) return "";
  const ratios = [...new Set(scores.filter(({ policy }) => policy !== "keep_all").map((row) => row.compression_ratio))];
  let figures = "";
  for (const ratio of ratios) {
    figures += `\n${await saveFigure(`${folder}/figures`, `depth_${ratio}`, await depthChart(scores, ratio))}`;
  }
  return figures;
}

function prediction({ index, task, policy, compression_ratio, prediction, score }: EvaluatedCell): object {
  return { index, task, policy, compression_ratio, prediction, score };
}

/** What stands beside a score: by step the divergence and the agreement, and sizes. */
function measures(cell: EvaluatedCell): object {
  const { index, context, task, policy, compression_ratio, score, row } = cell;
  const { context_tokens, answer_tokens, live_bytes, kl, agreement } = cell;
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

function withoutNaN<T extends object>(row: T): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, Number.isNaN(value) ? null : value]),
  );
}

function lines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}
