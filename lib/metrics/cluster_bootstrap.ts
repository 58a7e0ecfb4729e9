import { MersenneTwister } from "../numeric/mersenne_twister.ts";
import type { BootstrapOptions } from "./paired_bootstrap.ts";
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
  { seed = 42, resamples = 10_000 }: BootstrapOptions = {},
): MeanInterval {
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
