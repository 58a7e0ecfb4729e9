import { checkOptions } from "../../numeric/nearest_name.ts";
import { BOOTSTRAP_OPTIONS, type BootstrapOptions, bootstrapStatistic } from "../../metrics/bootstrap.ts";
import { rankCorrelation } from "../../metrics/rank_correlation.ts";
import { mean } from "../../numeric/mean.ts";
import type { SettingName } from "../run/setting.ts";

/** What a cheap measure says of one setting on one context, and what is true. */
export interface ProxyObservation extends SettingName {
  /** The context. */
  readonly context: number;
  /** The cheap measure. */
  readonly proxy: number;
  /** What the measure should predict; higher is better in both. */
  readonly truth: number;
}

/**
 * What is ranked: `policies`, by their means over all contexts; `policies on a context`, on each by itself; `contexts of a
 * policy`, for each by itself.
 */
export type AgreementOf = "policies" | "policies on a context" | "contexts of a policy";

/** How well a proxy ranks, by the names that JSON gives it. */
export interface ProxyAgreement {
  /** What was ranked. */
  readonly ranked: AgreementOf;
  /** Rankings that were compared: those in which neither side is all the same. */
  readonly rankings: number;
  /** Mean of their Spearman correlations, in [−1, 1]; NaN if there are none. */
  readonly correlation: number;
  /** Lower end of its 95 % interval (bootstrap by context). */
  readonly ci_low: number;
  /** Upper end of its interval. */
  readonly ci_high: number;
}

/**
 * Does a proxy rank as the truth does? Compression ratios are never mixed: what is ranked is ranked at each by itself, as
 * anything predicts that more rows are better.
 *
 * @throws {RangeError} if there are no observations, or a value is NaN
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { proxyAgreement } from "kvmirror/eval";
 *
 * const observations = [0, 1, 2].flatMap((context) => [["hybrid", 0.9, 1], ["random", 0.4, 0]].map(([policy, proxy, truth]) => (
 *   { context, policy: String(policy), compression_ratio: 0.5, proxy: Number(proxy), truth: Number(truth) }
 * )));
 * assertEquals(proxyAgreement(observations, "policies").correlation, 1);
 * ```
 */
export function proxyAgreement(
  observations: readonly ProxyObservation[],
  ranked: AgreementOf,
  options: BootstrapOptions = {},
): ProxyAgreement {
  checkOptions("proxyAgreement", options, BOOTSTRAP_OPTIONS);
  const contexts = [...Map.groupBy(observations, ({ context }) => context).values()];
  const correlations = (drawn: readonly (readonly ProxyObservation[])[]): number[] =>
    rankings(drawn, ranked).map(correlationOf).filter((value) => !Number.isNaN(value));
  const { value, low, high } = bootstrapStatistic(contexts, (drawn) => mean(correlations(drawn)), options);
  return { ranked, rankings: correlations(contexts).length, correlation: value, ci_low: low, ci_high: high };
}

/** A pair of numbers for each thing that is ranked. */
type Pair = Pick<ProxyObservation, "proxy" | "truth">;

/** The rankings in some contexts, a context that was drawn twice counted twice. */
function rankings(contexts: readonly (readonly ProxyObservation[])[], ranked: AgreementOf): readonly Pair[][] {
  const ratio = ({ compression_ratio }: ProxyObservation): number => compression_ratio;
  const setting = ({ policy, compression_ratio }: ProxyObservation): string => `${compression_ratio} ${policy}`;
  if (ranked === "policies on a context") return contexts.flatMap((own) => groups(own, ratio));
  const settings = groups(contexts.flat(), setting);
  return ranked === "contexts of a policy" ? settings : groups(settings.map(meanOf), ratio);
}

function groups(
  observations: readonly ProxyObservation[],
  key: (observation: ProxyObservation) => string | number,
): ProxyObservation[][] {
  return [...Map.groupBy(observations, key).values()];
}

function meanOf(own: readonly ProxyObservation[]): ProxyObservation {
  return { ...own[0], proxy: mean(own.map(({ proxy }) => proxy)), truth: mean(own.map(({ truth }) => truth)) };
}

function correlationOf(pairs: readonly Pair[]): number {
  return rankCorrelation(pairs.map(({ proxy }) => proxy), pairs.map(({ truth }) => truth));
}
