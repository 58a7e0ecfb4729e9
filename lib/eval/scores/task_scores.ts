import { clusterBootstrap } from "../../metrics/bootstrap.ts";
import type { ScoredSample } from "../run/sample.ts";
import type { SettingName } from "../run/setting.ts";

/** The score of one arm on one task, by the names that JSON gives it. */
export interface ResultRow extends SettingName {
  /** The task. */
  readonly task: string;
  /** Mean score of its rows, in [0, 1]. */
  readonly score: number;
  /** Rows. */
  readonly n: number;
  /** Lower end of the score's 95 % interval (bootstrap by context). */
  readonly ci_low: number;
  /** Upper end of the score's interval. */
  readonly ci_high: number;
}

/** Averages cells by arm and task, in the order in which these first appear. */
export function resultRows(samples: readonly ScoredSample[]): ResultRow[] {
  return bySettingAndTask(samples).map((own) => {
    const { mean, low, high } = clusterBootstrap(byContext(own, ({ score }) => score));
    const { policy, compression_ratio, task } = own[0];
    return { policy, compression_ratio, task, score: mean, n: own.length, ci_low: low, ci_high: high };
  });
}

/** The cells of each arm and task. */
export function bySettingAndTask(samples: readonly ScoredSample[]): ScoredSample[][] {
  return [
    ...Map.groupBy(samples, (sample) => JSON.stringify([sample.policy, sample.compression_ratio, sample.task]))
      .values(),
  ];
}

/** A number of each cell, by context. */
export function byContext(samples: readonly ScoredSample[], value: (sample: ScoredSample) => number): number[][] {
  return [...Map.groupBy(samples, ({ context }) => context).values()].map((own) => own.map(value));
}

/** One policy's scores on a task, a column for each ratio: `0.46 [0.32, 0.60]`, null where it was not asked. */
export interface ScoreColumns {
  /** The policy. */
  readonly policy: string;
  /** Rows. */
  readonly n: number;
  /** `at_4x` for a ratio of 0.75, and so on. */
  readonly [column: `at_${number}x`]: string | null;
}

/**
 * Sets the scores of one task side by side, a line for each policy, the highest mean over its ratios first.
 *
 * @param rows of one task
 * @param ratios the columns
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { scoreColumns } from "kvmirror/eval";
 *
 * const row = { policy: "tova", compression_ratio: 0.75, task: "t", score: 0.46, n: 50, ci_low: 0.32, ci_high: 0.6 };
 * assertEquals(scoreColumns([row], [0.5, 0.75]), [
 *   { policy: "tova", n: 50, at_2x: null, at_4x: "0.46 [0.32, 0.60]" },
 * ]);
 * ```
 */
export function scoreColumns(rows: readonly ResultRow[], ratios: readonly number[]): ScoreColumns[] {
  const asked = Map.groupBy(
    rows.filter(({ compression_ratio }) => ratios.includes(compression_ratio)),
    ({ policy }) => policy,
  );
  const mean = (own: readonly ResultRow[]) => own.reduce((sum, { score }) => sum + score, 0) / own.length;
  return [...asked].sort(([, one], [, other]) => mean(other) - mean(one)).map(([policy, own]) => ({
    policy,
    n: own[0].n,
    ...Object.fromEntries(ratios.map((ratio) => {
      const row = own.find(({ compression_ratio }) => compression_ratio === ratio);
      return [`at_${Number((1 / (1 - ratio)).toPrecision(3))}x`, row === undefined ? null : scoreText(row)];
    })),
  }));
}

function scoreText({ score, ci_low, ci_high }: ResultRow): string {
  return `${score.toFixed(2)} [${ci_low.toFixed(2)}, ${ci_high.toFixed(2)}]`;
}
