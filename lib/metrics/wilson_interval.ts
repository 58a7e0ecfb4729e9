/** The two ends of a 95 % confidence interval. */
export interface Interval {
  /** The lesser end. */
  /** Its lower end. */
  readonly low: number;
  /** The greater end. */
  /** Its upper end. */
  readonly high: number;
}

/** The 97.5 % quantile of the standard normal distribution. */
const Z = 1.959963984540054;

/**
 * The 95 % interval of a share, from `successes` of `trials` that do not depend on each other. It stays in [0, 1] and
 * has a width even where all or none succeed: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
 *
 * @throws {RangeError} if there are no trials, or the successes are no whole number from 0 to `trials`
 *
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { wilsonInterval } from "./wilson_interval.ts";
 *
 * const { low, high } = wilsonInterval(8, 10);
 * assertAlmostEquals(low, 0.4902, 1e-4);
 * assertAlmostEquals(high, 0.9433, 1e-4);
 * ```
 */
export function wilsonInterval(successes: number, trials: number): Interval {
  if (!Number.isSafeInteger(trials) || trials < 1) {
    throw new RangeError(`Cannot give an interval for ${trials} trials as it must be a whole number of at least 1`);
  }
  if (!Number.isSafeInteger(successes) || successes < 0 || successes > trials) {
    throw new RangeError(`Cannot give an interval for ${successes} successes as it must be from 0 to ${trials}`);
  }
  const share = successes / trials;
  const scale = 1 + Z ** 2 / trials;
  const center = (share + Z ** 2 / (2 * trials)) / scale;
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / trials + Z ** 2 / (4 * trials ** 2));
  return {
    low: successes === 0 ? 0 : Math.max(0, center - half),
    high: successes === trials ? 1 : Math.min(1, center + half),
  };
}
