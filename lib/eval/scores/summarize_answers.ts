import { pairedBootstrap, type PairedDifference } from "../../metrics/bootstrap.ts";
import { wilsonInterval } from "../../metrics/wilson_interval.ts";
import type { Answer } from "../run/answer_study.ts";

/** How often one arm was right, by the names that JSON gives it. */
export interface AnswerSummary {
  /** The policy's name. */
  readonly policy: string;
  /** Fraction of rows removed. */
  readonly compression_ratio: number;
  /** Whether the question was known. */
  readonly timing: string;
  /** Contexts. */
  readonly n: number;
  /** Right answers. */
  readonly right: number;
  /** Share of right answers, and its 95 % interval (Wilson). */
  readonly score: number;
  /** Lower end of the score's interval. */
  readonly ci_low: number;
  /** Upper end of the score's interval. */
  readonly ci_high: number;
  /**
   * Score less the reference's on the same contexts, and its 95 % interval (paired bootstrap); null where the reference
   * was not asked at this ratio and timing.
   */
  readonly difference: number | null;
  /** Lower end of the difference's interval. */
  readonly difference_low: number | null;
  /** Upper end of the difference's interval. */
  readonly difference_high: number | null;
}

/**
 * Counts right answers by arm, in the order in which arms first appear, each beside the policy `reference` at the same
 * ratio and timing.
 *
 * @throws {RangeError} if the reference answered other contexts than an arm beside it
 */
export function summarizeAnswers(answers: readonly Answer[], reference: string): AnswerSummary[] {
  const settings = Map.groupBy(answers, settingOf);
  return [...settings.values()].map((own) => {
    const [first] = own;
    const beside = settings.get(settingOf({ ...first, policy: reference }));
    const paired = beside === undefined ? undefined : pair(own, beside);
    const right = own.filter((answer) => answer.right).length;
    const { low, high } = wilsonInterval(right, own.length);
    return {
      policy: first.policy,
      compression_ratio: first.compression_ratio,
      timing: first.timing,
      n: own.length,
      right,
      score: right / own.length,
      ci_low: low,
      ci_high: high,
      difference: paired?.difference ?? null,
      difference_low: paired?.low ?? null,
      difference_high: paired?.high ?? null,
    };
  });
}

function pair(own: readonly Answer[], reference: readonly Answer[]): PairedDifference {
  const other = new Map(reference.map(({ context, right }) => [context, right]));
  const missing = own.find(({ context }) => !other.has(context));
  if (missing !== undefined) {
    throw new RangeError(
      `Cannot compare ${missing.policy} with ${reference[0].policy} at ratio ${missing.compression_ratio} ` +
        `as context ${missing.context} has no answer of ${reference[0].policy}`,
    );
  }
  return pairedBootstrap(
    own.map(({ right }) => Number(right)),
    own.map(({ context }) => Number(other.get(context))),
  );
}

function settingOf(
  { policy, compression_ratio, timing }: Pick<Answer, "policy" | "compression_ratio" | "timing">,
): string {
  return JSON.stringify([policy, compression_ratio, timing]);
}
