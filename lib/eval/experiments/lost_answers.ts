import type { ScoredSample } from "../run/sample.ts";
import type { SettingName } from "../run/setting.ts";
import { type SettingComparison, settingComparisons } from "../scores/comparisons.ts";

/** One setting's right answers, and how far it is from a reference at the same ratio. */
export interface AnswerScores extends
  Pick<
    SettingComparison,
    | keyof SettingName
    | "n"
    | "score"
    | "ci_low"
    | "ci_high"
    | "difference"
    | "difference_low"
    | "difference_high"
  > {
  /** Right answers, of `n`. */
  readonly right: number;
}

/**
 * How many answers of each setting are right, beside those of one policy at the same ratio on the same contexts. See
 * {@linkcode settingComparisons} for the intervals.
 *
 * @param samples scored 0 or 1
 * @param reference a policy's name
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { answerScores, type ScoredSample } from "kvmirror/eval";
 *
 * const samples = (policy: string, scores: number[]) => scores.map((score, index): ScoredSample => ({ policy, score, index,
 *   compression_ratio: 0.5, task: "codes", context: index, kl: [0], agreement: [1], answer_tokens: 1, live_bytes: 1 }));
 * const both = [...samples("recent_window", [0, 0, 1, 1]), ...samples("hybrid", [1, 0, 1, 1])];
 * const [, { right, difference }] = answerScores(both, "recent_window");
 * assertEquals([right, difference], [3, 0.25]);
 * ```
 */
export function answerScores(samples: readonly ScoredSample[], reference: string): AnswerScores[] {
  return settingComparisons(samples, { reference }).map((row) => ({
    policy: row.policy,
    compression_ratio: row.compression_ratio,
    n: row.n,
    right: Math.round(row.score * row.n),
    score: row.score,
    ci_low: row.ci_low,
    ci_high: row.ci_high,
    difference: row.difference,
    difference_low: row.difference_low,
    difference_high: row.difference_high,
  }));
}

/** What a setting has of the answers that the full cache has and a reference loses. */
export interface LostAnswers extends SettingName {
  /** Contexts that the full cache answers right and the reference, at this ratio, does not. */
  readonly lost: number;
  /** Of these, the contexts that this setting answers right. */
  readonly kept: number;
}

/**
 * Counts only contexts that the full cache solves and the reference does not: there was something to keep, and it was lost.
 * Every other setting is counted, in the order of the samples.
 *
 * @param samples those of `keep_all` among them; a score of 1 is a right answer
 * @param reference a policy's name
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { lostAnswers, type ScoredSample } from "kvmirror/eval";
 *
 * const samples = (policy: string, compression_ratio: number, scores: number[]) => scores.map((score, index): ScoredSample =>
 *   ({ policy, compression_ratio, score, index, context: index, task: "codes", kl: [0], agreement: [1], answer_tokens: 1,
 *     live_bytes: 1 }));
 * const all = [...samples("keep_all", 0, [1, 1, 1, 0]), ...samples("recent_window", 0.5, [0, 0, 1, 0]),
 *   ...samples("hybrid", 0.5, [1, 0, 0, 1])];
 * assertEquals(lostAnswers(all, "recent_window"), [{ policy: "hybrid", compression_ratio: 0.5, lost: 2, kept: 1 }]);
 * ```
 */
export function lostAnswers(samples: readonly ScoredSample[], reference: string): LostAnswers[] {
  const rightOnes = (name: string, ratio: number): Set<number> =>
    new Set(
      samples.filter(({ policy, compression_ratio, score }) =>
        policy === name && compression_ratio === ratio && score === 1
      ).map(({ context }) => context),
    );
  const solved = rightOnes("keep_all", 0);
  const others = samples.filter(({ policy }) => policy !== "keep_all" && policy !== reference);
  const settings = new Map(
    others.map(({ policy, compression_ratio }) => [`${policy} ${compression_ratio}`, { policy, compression_ratio }]),
  );
  return [...settings.values()].map(({ policy, compression_ratio }) => {
    const lost = solved.difference(rightOnes(reference, compression_ratio));
    const kept = lost.intersection(rightOnes(policy, compression_ratio));
    return { policy, compression_ratio, lost: lost.size, kept: kept.size };
  });
}
