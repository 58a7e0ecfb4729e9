import { mean } from "../../numeric/mean.ts";
import type { ScoredSample } from "../run/sample.ts";
import type { SettingName } from "../run/setting.ts";
import { scoreInterval } from "./intervals.ts";

/** The score of one setting on one task, by the names that JSON gives it. */
export interface TaskScore extends SettingName {
  /** The task. */
  readonly task: string;
  /** Mean score of its rows, in [0, 1]. */
  readonly score: number;
  /** Rows. */
  readonly n: number;
  /** Lower end of the score's 95 % interval (Wilson where every score is 0 or 1, else bootstrap by context). */
  readonly ci_low: number;
  /** Upper end of the score's interval. */
  readonly ci_high: number;
}

/**
 * Averages samples by setting and task, in the order in which these first appear.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type ScoredSample, taskScores } from "kvmirror/eval";
 *
 * const samples = [1, 0, 1, 1].map((score, index): ScoredSample => ({ policy: "tova", compression_ratio: 0.5, task: "qa",
 *   index, context: index, score, kl: [0], agreement: [1], answer_tokens: 1, live_bytes: 1 }));
 * const [{ score, n, ci_low, ci_high }] = taskScores(samples);
 * assertEquals([score, n, ci_low.toFixed(2), ci_high.toFixed(2)], [0.75, 4, "0.30", "0.95"]);
 * ```
 */
export function taskScores(samples: readonly ScoredSample[]): TaskScore[] {
  const groups = Map.groupBy(
    samples,
    ({ policy, compression_ratio, task }) => JSON.stringify([policy, compression_ratio, task]),
  );
  return [...groups.values()].map((own) => {
    const { policy, compression_ratio, task } = own[0];
    const { mean: score, low, high } = scoreInterval(own);
    return { policy, compression_ratio, task, score, n: own.length, ci_low: low, ci_high: high };
  });
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
export function scoreColumns(rows: readonly TaskScore[], ratios: readonly number[]): ScoreColumns[] {
  const asked = Map.groupBy(
    rows.filter(({ compression_ratio }) => ratios.includes(compression_ratio)),
    ({ policy }) => policy,
  );
  const meanScore = (own: readonly TaskScore[]) => mean(own.map(({ score }) => score));
  return [...asked].sort(([, one], [, other]) => meanScore(other) - meanScore(one)).map(([policy, own]) => ({
    policy,
    n: own[0].n,
    ...Object.fromEntries(ratios.map((ratio) => {
      const row = own.find(({ compression_ratio }) => compression_ratio === ratio);
      return [`at_${Number((1 / (1 - ratio)).toPrecision(3))}x`, row === undefined ? null : scoreText(row)];
    })),
  }));
}

function scoreText({ score, ci_low, ci_high }: TaskScore): string {
  return `${score.toFixed(2)} [${ci_low.toFixed(2)}, ${ci_high.toFixed(2)}]`;
}
