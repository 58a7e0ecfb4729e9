import { MersenneTwister } from "../numeric/mersenne_twister.ts";
import type { Interval } from "./wilson_interval.ts";

/** Options of {@linkcode pairedBootstrap}. */
export interface BootstrapOptions {
  /** 42 by default. */
  readonly seed?: number;
  /** Times the pairs are drawn anew; 10,000 by default. */
  readonly resamples?: number;
}

/** The mean difference of two paired columns, and how sure it is. */
export interface PairedDifference extends Interval {
  /** Mean of `first − second`. */
  /** The mean of the differences. */
  readonly difference: number;
}

/**
 * The mean of `first − second` over pairs (two policies on the same contexts), with the 95 % percentile interval of
 * its bootstrap: pairs are drawn with replacement, so what makes a context hard for both cancels out. Efron and
 * Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
 *
 * @param first `[pairs]`
 * @param second `[pairs]`, in the same order
 * @throws {TypeError} if the columns differ in length
 * @throws {RangeError} if there are no pairs, or fewer than one resample
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { pairedBootstrap } from "kvmirror";
 *
 * assertEquals(pairedBootstrap([1, 2, 3], [0, 1, 2]), { difference: 1, low: 1, high: 1 });
 * ```
 */
export function pairedBootstrap(
  first: readonly number[],
  second: readonly number[],
  { seed = 42, resamples = 10_000 }: BootstrapOptions = {},
): PairedDifference {
  if (first.length !== second.length) {
    throw new TypeError(`Cannot pair ${first.length} values with ${second.length} as each needs its other`);
  }
  if (first.length === 0) throw new RangeError("Cannot compare 0 pairs: give at least one");
  if (!Number.isSafeInteger(resamples) || resamples < 1) {
    throw new RangeError(`Cannot draw ${resamples} resamples as it must be a whole number of at least 1`);
  }
  const pairs = first.length;
  const differences = Float64Array.from(first, (value, pair) => value - second[pair]);
  const stream = new MersenneTwister(seed);
  const means = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    let sum = 0;
    for (let draw = 0; draw < pairs; draw++) sum += differences[Math.floor(stream.random() * pairs)];
    means[resample] = sum / pairs;
  }
  means.sort();
  const quantile = (share: number): number => means[Math.ceil(share * resamples) - 1] ?? means[0];
  const difference = differences.reduce((sum, value) => sum + value, 0) / pairs;
  return { difference, low: quantile(0.025), high: quantile(0.975) };
}
