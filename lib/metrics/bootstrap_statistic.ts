import { MersenneTwister } from "../numeric/mersenne_twister.ts";
import type { BootstrapOptions } from "./paired_bootstrap.ts";
import type { Interval } from "./wilson_interval.ts";

/** A statistic, and how sure it is. */
export interface StatisticInterval extends Interval {
  /** The statistic of all clusters. */
  readonly value: number;
  /** The share of resamples on which it was defined, in [0, 1]; the interval is of those. */
  readonly defined: number;
}

/**
 * Any statistic of clustered data with the 95 % percentile interval of its bootstrap: whole clusters are drawn with
 * replacement. A correlation has no value where a draw happens to be constant; such draws are left out and counted.
 * Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
 *
 * @param clusters what the statistic is taken of
 * @param statistic NaN where it is not defined
 * @throws {RangeError} if there are no clusters, or fewer than one resample
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bootstrapStatistic } from "kvmirror";
 *
 * const { value } = bootstrapStatistic([3, 1, 2], (drawn) => Math.max(...drawn), { resamples: 100 });
 * assertEquals(value, 3);
 * ```
 */
export function bootstrapStatistic<Cluster>(
  clusters: readonly Cluster[],
  statistic: (drawn: readonly Cluster[]) => number,
  { seed = 42, resamples = 10_000 }: BootstrapOptions = {},
): StatisticInterval {
  if (clusters.length === 0) throw new RangeError("Cannot resample 0 clusters: give at least one");
  if (!Number.isSafeInteger(resamples) || resamples < 1) {
    throw new RangeError(`Cannot draw ${resamples} resamples as it must be a whole number of at least 1`);
  }
  const stream = new MersenneTwister(seed);
  const draw = () => clusters.map(() => clusters[Math.floor(stream.random() * clusters.length)]);
  const values = Float64Array.from({ length: resamples }, () => statistic(draw()))
    .filter((value) => !Number.isNaN(value)).sort();
  const quantile = (share: number): number => values[Math.max(0, Math.ceil(share * values.length) - 1)] ?? NaN;
  return {
    value: statistic(clusters),
    low: quantile(0.025),
    high: quantile(0.975),
    defined: values.length / resamples,
  };
}
