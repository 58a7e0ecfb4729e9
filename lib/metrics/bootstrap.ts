import { checkOptions, type OptionNames } from "../numeric/nearest_name.ts";
import { MersenneTwister } from "../numeric/mersenne_twister.ts";
import type { Interval } from "./wilson_interval.ts";

/** A mean, and how sure it is. */
export interface MeanInterval extends Interval {
  /** The mean of all values. */
  readonly mean: number;
}

/**
 * The mean of values that come in clusters (questions about one context), with the 95 % percentile interval of its
 * bootstrap: whole clusters are drawn with replacement, as what they hold depends on each other. Field and Welsh 2007,
 * https://doi.org/10.1111/j.1467-9868.2007.00593.x
 *
 * @param clusters the values of each cluster
 * @throws {RangeError} if there are no clusters, one is empty, or there is fewer than one resample
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { clusterBootstrap } from "kvmirror";
 *
 * assertEquals(clusterBootstrap([[1, 0], [1, 0]]), { mean: 0.5, low: 0.5, high: 0.5 });
 * ```
 */
export function clusterBootstrap(
  clusters: readonly (readonly number[])[],
  options: BootstrapOptions = {},
): MeanInterval {
  checkOptions("clusterBootstrap", options, BOOTSTRAP_OPTIONS);
  const { seed = 42, resamples = 10_000 } = options;
  if (clusters.length === 0) throw new RangeError("Cannot average 0 clusters: give at least one");
  const empty = clusters.findIndex(({ length }) => length === 0);
  if (empty >= 0) throw new RangeError(`Cannot average cluster ${empty} as it is empty`);
  if (!Number.isSafeInteger(resamples) || resamples < 1) {
    throw new RangeError(`Cannot draw ${resamples} resamples as it must be a whole number of at least 1`);
  }
  const sums = Float64Array.from(clusters, (values) => values.reduce((sum, value) => sum + value, 0));
  const counts = Float64Array.from(clusters, ({ length }) => length);
  const total = sums.reduce((sum, value) => sum + value, 0);
  const mean = total / counts.reduce((sum, count) => sum + count, 0);
  const stream = new MersenneTwister(seed);
  const means = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    let sum = 0;
    let count = 0;
    for (let draw = 0; draw < clusters.length; draw++) {
      const cluster = Math.floor(stream.random() * clusters.length);
      sum += sums[cluster];
      count += counts[cluster];
    }
    means[resample] = sum / count;
  }
  means.sort();
  const quantile = (share: number): number => means[Math.ceil(share * resamples) - 1] ?? means[0];
  return { mean, low: quantile(0.025), high: quantile(0.975) };
}

/** Options of {@linkcode clusterBootstrap} and {@linkcode bootstrapStatistic}. */
export interface BootstrapOptions {
  /** 42 by default. */
  readonly seed?: number;
  /** Times the clusters are drawn anew; 10,000 by default. */
  readonly resamples?: number;
}

/** The names of {@linkcode BootstrapOptions}, for who passes them on. */
export const BOOTSTRAP_OPTIONS: OptionNames<BootstrapOptions> = { seed: true, resamples: true };

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
  options: BootstrapOptions = {},
): StatisticInterval {
  checkOptions("bootstrapStatistic", options, BOOTSTRAP_OPTIONS);
  const { seed = 42, resamples = 10_000 } = options;
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
