import { bytes, fixed } from "../../report/table/number_format.ts";
import { table } from "../../report/table/table.ts";
import type { PerplexityRow } from "../experiments/perplexity.ts";
import type { EvaluatedSample, FailedSample } from "../run/sample.ts";
import { type SettingComparison, settingComparisons } from "../scores/comparisons.ts";
import { GATE_ROWS, GATE_SCORE, openTasks, type TaskGate } from "../scores/task_gates.ts";
import type { ResultRow } from "../scores/task_scores.ts";

/** What a report is written from. */
export interface EvaluationReport {
  readonly samples: readonly EvaluatedSample[];
  readonly failures: readonly FailedSample[];
  readonly results: readonly ResultRow[];
  readonly gates: readonly TaskGate[];
  readonly perplexities: readonly PerplexityRow[];
  /** Markdown of the charts. */
  readonly figures: string;
  /** The line that says where the numbers are from. */
  readonly provenance: string;
}

/** The evaluation in Markdown: the gates, the arms over all tasks that count, every task by itself, what failed. */
export function evaluationReport(report: EvaluationReport): string {
  const { failures, results, perplexities, provenance } = report;
  return [
    "# Evaluation",
    "Scores are the share of the references that an answer contains, in [0, 1]. Intervals are 95 % and drawn by context " +
    "(bootstrap); differences are paired.",
    ...(results.length === 0 ? ["No cell is finished."] : scoreSections(report)),
    ...(perplexities.length === 0 ? [] : [
      "## Perplexity on Moby-Dick",
      table(
        perplexities.map(({ ci_low, ci_high, delta_nll, delta_nll_low, delta_nll_high, ...row }) => ({
          ...row,
          interval: interval(ci_low, ci_high, 2),
          nats_more: delta_nll,
          nats_more_interval: interval(delta_nll_low, delta_nll_high, 3),
        })),
        { formats: { perplexity: fixed(2), nats_more: fixed(3) } },
      ).markdown,
    ]),
    ...(failures.length === 0 ? [] : ["## What failed", table(failureRows(failures)).markdown]),
    provenance,
  ].join("\n\n").replaceAll(/\n{3,}/g, "\n\n") + "\n";
}

function scoreSections({ samples, results, gates, figures }: EvaluationReport): string[] {
  const open = openTasks(gates);
  return [
    "## Which tasks count",
    `A task counts where the full cache scores ${GATE_SCORE} or more; below ${GATE_ROWS} rows that is not sure.`,
    table(gates.map(({ ci_low, ci_high, ...gate }) => ({ ...gate, interval: interval(ci_low, ci_high) })), {
      formats: { full_score: fixed(3) },
    }).markdown,
    `## Over the tasks that count${open.length === 0 ? "" : `: ${open.join(", ")}`}`,
    open.length === 0 ? "The full cache solves none of them: nothing can be said of evictions." : comparisonTable(
      settingComparisons(samples, open),
    ),
    "## Each task",
    figures,
    table(
      results.map(({ task, policy, compression_ratio, score, ci_low, ci_high, n }) => ({
        task,
        policy,
        compression_ratio,
        score,
        interval: interval(ci_low, ci_high),
        n,
        counts: open.includes(task) ? "yes" : "no, gated",
      })),
      { formats: { score: fixed(3) } },
    ).markdown,
  ];
}

/** One line for each arm, task and reason. */
export function failureRows(
  failures: readonly FailedSample[],
): { policy: string; compression_ratio: number; task: string; samples: number; reason: string }[] {
  const groups = Map.groupBy(
    failures,
    ({ policy, compression_ratio, task, reason }) => JSON.stringify([policy, compression_ratio, task, reason]),
  );
  return [...groups.values()].map((own) => {
    const { policy, compression_ratio, task, reason } = own[0];
    return { policy, compression_ratio, task, samples: own.length, reason };
  });
}

function comparisonTable(comparisons: readonly SettingComparison[]): string {
  const rows = comparisons.toSorted((one, other) => one.compression_ratio - other.compression_ratio)
    .map((setting) => ({
      compression_ratio: setting.compression_ratio,
      policy: setting.policy,
      score: setting.score,
      interval: interval(setting.ci_low, setting.ci_high),
      n: setting.n,
      less_the_full_cache: Number.isNaN(setting.difference)
        ? "–"
        : `${setting.difference.toFixed(3)} ${interval(setting.difference_low, setting.difference_high)}`,
      oracle_gap_closed: setting.oracle_gap_closed,
      kl: setting.kl,
      top1_agreement: setting.top1_agreement,
      answer_tokens: setting.answer_tokens,
      live_bytes: setting.live_bytes,
    }));
  return table(rows, {
    formats: {
      score: fixed(3),
      oracle_gap_closed: fixed(2),
      kl: fixed(3),
      top1_agreement: fixed(3),
      answer_tokens: fixed(1),
      live_bytes: bytes,
    },
  }).markdown;
}

function interval(low: number, high: number, digits = 3): string {
  return `[${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
}
