import { bytes, fixed } from "../../report/table/number_format.ts";
import { table } from "../../report/table/table.ts";
import type { PerplexityRow } from "../experiments/perplexity.ts";
import type { Evaluation } from "../run/evaluate.ts";
import type { EvaluatedSample, FailedSample } from "../run/sample.ts";
import type { SettingName } from "../run/setting.ts";
import { scorerOf, SCORERS } from "../scorers/scorers.ts";
import { type SettingComparison, settingComparisons } from "../scores/comparisons.ts";
import { GATE_ROWS, GATE_SCORE, openTasks, type TaskGate, taskGates } from "../scores/task_gates.ts";
import { type TaskScore, taskScores } from "../scores/task_scores.ts";

/** An evaluation that is to be reported: what `evaluate` gave, and where it is from. */
export interface ReportedEvaluation extends Evaluation {
  /** The line that says where the numbers are from: `provenanceLine` of `kvmirror/report` writes it. */
  readonly provenance: string;
  /** How well the settings predict a long text: what `perplexity` gave; none by default. */
  readonly perplexities?: readonly PerplexityRow[];
}

/** An evaluation with the statistics that its files tell. */
export interface EvaluationReport extends Required<ReportedEvaluation> {
  /** The score of each setting and task. */
  readonly results: readonly TaskScore[];
  /** Which tasks count. */
  readonly gates: readonly TaskGate[];
  /** The settings over all tasks that count, each beside the full cache. */
  readonly comparisons: readonly SettingComparison[];
}

/** Takes the statistics that an evaluation's files tell. */
export function evaluationReport(evaluation: ReportedEvaluation): EvaluationReport {
  const results = taskScores(evaluation.samples);
  const gates = taskGates(results);
  const comparisons = settingComparisons(evaluation.samples, { tasks: openTasks(gates) });
  return { perplexities: [], ...evaluation, results, gates, comparisons };
}

/**
 * The evaluation in Markdown: the scorers, which tasks count, the settings over all tasks that count, every task by itself,
 * what failed.
 *
 * @param figures the charts in Markdown; none by default
 */
export function reportMarkdown(report: EvaluationReport, figures = ""): string {
  const { samples, failures, results, perplexities, provenance } = report;
  return [
    "# Evaluation",
    `${
      scorersInWords(samples)
    } Intervals are 95 %: Wilson's where every score is 0 or 1, else drawn by context (bootstrap); ` +
    "differences are paired.",
    ...(results.length === 0 ? ["No sample is finished."] : scoreSections(report, figures)),
    ...(perplexities.length === 0 ? [] : [
      "## Perplexity on Moby-Dick",
      table(
        perplexities.map(({ ci_low, ci_high, delta_nll, delta_nll_low, delta_nll_high, ...row }) => ({
          ...row,
          interval: interval(ci_low, ci_high, 2),
          delta_nll,
          delta_nll_interval: interval(delta_nll_low, delta_nll_high, 3),
        })),
        { formats: { perplexity: fixed(2), delta_nll: fixed(3) } },
      ).markdown,
    ]),
    ...(failures.length === 0 ? [] : ["## What failed", table(failureRows(failures)).markdown]),
    provenance,
  ].join("\n\n").replaceAll(/\n{3,}/g, "\n\n") + "\n";
}

/** Which scorer scored which tasks, and what its number says. */
function scorersInWords(samples: readonly EvaluatedSample[]): string {
  const scorers = Map.groupBy(samples, ({ row }) => scorerOf(row));
  const alone = scorers.size < 2;
  return `Scores are in [0, 1]. ${
    [...scorers].map(([name, own]) => {
      const tasks = [...new Set(own.map(({ task }) => task))].join(", ");
      return `\`${name}\`${alone ? "" : ` (${tasks})`} is ${SCORERS[name].meaning}.`;
    }).join(" ")
  }`.trim();
}

function scoreSections({ results, gates, comparisons }: EvaluationReport, figures: string): string[] {
  const open = openTasks(gates);
  return [
    "## Which tasks count",
    `A task counts where the full cache scores ${GATE_SCORE} or more; below ${GATE_ROWS} rows that is not sure.`,
    table(gates.map(({ ci_low, ci_high, ...gate }) => ({ ...gate, interval: interval(ci_low, ci_high) })), {
      formats: { full_score: fixed(3) },
    }).markdown,
    `## Over the tasks that count${open.length === 0 ? "" : `: ${open.join(", ")}`}`,
    open.length === 0
      ? "The full cache solves none of them: nothing can be said of evictions."
      : comparisonTable(comparisons),
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

/** Samples that failed for one reason, by the names that JSON gives them. */
export interface FailureRow extends SettingName {
  /** The task. */
  readonly task: string;
  /** How many samples failed so. */
  readonly samples: number;
  /** Why, in one line. */
  readonly reason: string;
}

/** One row for each setting, task and reason. */
export function failureRows(failures: readonly FailedSample[]): FailureRow[] {
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
      less_the_full_cache: setting.difference === null
        ? null
        : `${setting.difference.toFixed(3)} ${interval(setting.difference_low!, setting.difference_high!)}`,
      oracle_gap_closed: setting.oracle_gap_closed,
      kl: setting.kl,
      top1_agreement: setting.top1_agreement,
      answer_tokens: setting.answer_tokens,
      live_bytes: setting.live_bytes,
      live_share: setting.live_share,
    }));
  return table(rows, {
    formats: {
      score: fixed(3),
      oracle_gap_closed: fixed(2),
      kl: fixed(3),
      top1_agreement: fixed(3),
      answer_tokens: fixed(1),
      live_bytes: bytes,
      live_share: fixed(3),
    },
  }).markdown;
}

function interval(low: number, high: number, digits = 3): string {
  return `[${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
}
