import { clusterBootstrap } from "./cluster_bootstrap.ts";
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
  options: BootstrapOptions = {},
): PairedDifference {
  if (first.length !== second.length) {
    throw new TypeError(`Cannot pair ${first.length} values with ${second.length} as each needs its other`);
  }
  if (first.length === 0) throw new RangeError("Cannot compare 0 pairs: give at least one");
  const differences = first.map((value, pair) => [value - second[pair]]);
  const { mean, low, high } = clusterBootstrap(differences, options);
  return { difference: mean, low, high };
}
