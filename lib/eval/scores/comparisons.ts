import { type Displayable, shownAs } from "../../display/display.ts";
import { factsDisplay } from "../../display/facts.ts";
import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import {
  BOOTSTRAP_OPTIONS,
  type BootstrapOptions,
  bootstrapStatistic,
  type StatisticInterval,
} from "../../metrics/bootstrap.ts";
import { wilsonInterval } from "../../metrics/wilson_interval.ts";
import { mean } from "../../numeric/mean.ts";
import type { ScoredSample } from "../run/sample.ts";
import type { SettingName } from "../run/setting.ts";
import { pairedDifference, scoreFact, scoreInterval } from "./intervals.ts";

/** The policies that others are held to, beside the full cache. */
export const FLOORS: readonly string[] = ["random", "streaming_llm"];

/** One setting over several tasks, beside the reference, the floors and the oracle on the same rows. */
export interface SettingComparison extends SettingName {
  /** Rows. */
  readonly n: number;
  /** Mean score, in [0, 1]. */
  readonly score: number;
  /** Lower end of the score's 95 % interval (Wilson where every score is 0 or 1, else bootstrap by context). */
  readonly ci_low: number;
  /** Upper end of the score's interval. */
  readonly ci_high: number;
  /** Score less the reference's on the same rows; null where no row has both. */
  readonly difference: number | null;
  /** Lower end of the difference's 95 % interval (paired bootstrap by context). */
  readonly difference_low: number | null;
  /** Upper end of the difference's interval. */
  readonly difference_high: number | null;
  /**
   * How far it is from the better floor (0) to the oracle (1) at the same ratio; null where one of them is missing, or
   * the oracle is not above the floor.
   */
  readonly oracle_gap_closed: number | null;
  /** Mean divergence from the full cache, in nats a token of its answer. */
  readonly kl: number;
  /** Share of those tokens that are the likeliest here too. */
  readonly top1_agreement: number;
  /** Mean tokens of an answer. */
  readonly answer_tokens: number;
  /** Mean cache bytes after the eviction. */
  readonly live_bytes: number;
  /**
   * `live_bytes` as a share of the full cache's on the same rows: in float32, 1 less the compression ratio that came out.
   * Null where the full cache answered none of them.
   */
  readonly live_share: number | null;
}

/** What {@linkcode settingComparisons} compares, and with what. */
export interface ComparisonOptions {
  /** Tasks that count; all by default. */
  readonly tasks?: readonly string[];
  /**
   * What each setting is compared with: a setting, or a policy's name, which stands for that policy at each setting's own
   * ratio. The full cache by default.
   */
  readonly reference?: SettingName | string;
}

const COMPARISON_OPTIONS: OptionNames<ComparisonOptions> = { tasks: true, reference: true };

const FULL_CACHE: SettingName = { policy: "keep_all", compression_ratio: 0 };

/**
 * Compares settings over the rows of some tasks, in the order in which settings first appear. Each is compared with the
 * reference, the floors and the oracle on the rows that both answered.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type ScoredSample, settingComparisons } from "kvmirror/eval";
 *
 * const samples = (policy: string, scores: number[]) => scores.map((score, index): ScoredSample => ({ policy, score, index,
 *   compression_ratio: 0.5, task: "qa", context: index, kl: [0], agreement: [1], answer_tokens: 1, live_bytes: 1 }));
 * const both = [...samples("tova", [1, 1, 0, 1]), ...samples("random", [0, 1, 0, 0])];
 * const compared = settingComparisons(both, { reference: "random" });
 * assertEquals(compared.map(({ policy, difference }) => [policy, difference]), [["tova", 0.5], ["random", 0]]);
 * ```
 */
export function settingComparisons(
  samples: readonly ScoredSample[],
  options: ComparisonOptions = {},
): SettingComparison[] & Displayable {
  checkOptions("settingComparisons", options, COMPARISON_OPTIONS);
  const { tasks, reference = FULL_CACHE } = options;
  const counted = tasks === undefined ? samples : samples.filter(({ task }) => tasks.includes(task));
  const settings = Map.groupBy(counted, settingKey);
  const compared = [...settings.values()].map((own): SettingComparison => {
    const { policy, compression_ratio } = own[0];
    const at = (name: string) => settings.get(settingKey({ policy: name, compression_ratio })) ?? [];
    const beside = typeof reference === "string" ? at(reference) : settings.get(settingKey(reference)) ?? [];
    const score = scoreInterval(own);
    const difference = pairedDifference(own, beside);
    const floors = FLOORS.map((name) => pairedDifference(own, at(name))?.mean);
    const oracle = pairedDifference(own, at("oracle"))?.mean;
    const meanOf = (value: (sample: ScoredSample) => number) => mean(own.map(value));
    return {
      policy,
      compression_ratio,
      n: own.length,
      score: score.mean,
      ci_low: score.low,
      ci_high: score.high,
      difference: difference?.mean ?? null,
      difference_low: difference?.low ?? null,
      difference_high: difference?.high ?? null,
      oracle_gap_closed: gapClosed(floors, oracle),
      kl: meanOf(({ kl }) => mean(kl)),
      top1_agreement: meanOf(({ agreement }) => mean(agreement)),
      answer_tokens: meanOf((sample) => sample.answer_tokens),
      live_bytes: meanOf((sample) => sample.live_bytes),
      live_share: liveShare(own, settings.get(settingKey(FULL_CACHE)) ?? []),
    };
  });
  return shownAs(
    compared,
    () => factsDisplay({ name: "Mean scores with 95 % intervals", facts: compared.map(scoreFact) }),
  );
}

function liveShare(own: readonly ScoredSample[], full: readonly ScoredSample[]): number | null {
  const bytes = new Map(full.map((sample) => [sample.index, sample.live_bytes]));
  const both = own.filter(({ index }) => bytes.has(index));
  if (both.length === 0) return null;
  return mean(both.map(({ live_bytes }) => live_bytes)) / mean(both.map(({ index }) => bytes.get(index)!));
}

/** Of the way from the better floor to the oracle, the share that is done: all are given as the setting's score less theirs. */
function gapClosed(overFloors: readonly (number | undefined)[], overOracle: number | undefined): number | null {
  const known = overFloors.filter((over) => over !== undefined);
  if (known.length < overFloors.length || overOracle === undefined) return null;
  const overFloor = Math.min(...known);
  const gap = overFloor - overOracle;
  return gap > 0 ? overFloor / gap : null;
}

function settingKey({ policy, compression_ratio }: SettingName): string {
  return JSON.stringify([policy, compression_ratio]);
}

/**
 * The interval of a share where all contexts have the same one, which a bootstrap cannot widen: as many contexts as Wilson's
 * interval allows of which none was seen may keep nothing, or all be right.
 */
function shareOfAlike(contexts: readonly (readonly ScoredSample[])[], value: number): { low: number; high: number } {
  const unseen = wilsonInterval(0, contexts.length).high;
  const rows = contexts.flat();
  const most = rows.length / rows.reduce((sum, { score }) => sum + score, 0);
  return { low: value * (1 - unseen), high: value + unseen * (most - value) };
}

/**
 * How much of the full cache's score a setting keeps: its mean score over the full cache's on the same rows, with its 95 %
 * interval (bootstrap by context; where all contexts keep the same, {@linkcode shareOfAlike}'s). 1 is all of it; rows that only one of them answered do not count.
 *
 * @param own one setting's samples
 * @param full the full cache's, of the same rows
 * @returns the interval, and `n`: how many rows both answered
 * @throws {RangeError} if no row was answered by both
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type ScoredSample, shareOfFull } from "kvmirror/eval";
 *
 * const samples = (scores: number[]): ScoredSample[] => scores.map((score, index) => (
 *   { policy: "tova", compression_ratio: 0.5, task: "qa", index, context: index, score, kl: [0], agreement: [1], answer_tokens: 1, live_bytes: 1 }));
 * assertEquals(shareOfFull(samples([1, 0, 0.5]), samples([1, 1, 0])).value, 0.75);
 * ```
 */
export function shareOfFull(
  own: readonly ScoredSample[],
  full: readonly ScoredSample[],
  options: BootstrapOptions = {},
): StatisticInterval & { readonly n: number } {
  checkOptions("shareOfFull", options, BOOTSTRAP_OPTIONS);
  const { seed = 42, resamples = 2000 } = options;
  const scores = new Map(own.map(({ index, score }) => [index, score]));
  const shared = full.filter(({ index }) => scores.has(index));
  if (shared.length === 0) throw new RangeError("Cannot compare with the full cache as no row was answered by both");
  const contexts = [...Map.groupBy(shared, ({ context }) => context).values()];
  const sum = (rows: readonly ScoredSample[], score: (row: ScoredSample) => number) =>
    rows.reduce((total, row) => total + score(row), 0);
  const share = (drawn: readonly ScoredSample[][]) => {
    const rows = drawn.flat();
    return sum(rows, ({ index }) => scores.get(index)!) / sum(rows, ({ score }) => score);
  };
  const interval = bootstrapStatistic(contexts, share, { seed, resamples });
  const alike = own !== full && contexts.every((context) => share([context]) === share([contexts[0]]));
  return { ...interval, ...(alike ? shareOfAlike(contexts, interval.value) : {}), n: shared.length };
}
