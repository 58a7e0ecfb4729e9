import { mean } from "../numeric/mean.ts";

/** A straight line through points. */
export interface LinearTrend {
  /** Rise of y for 1 of x. */
  readonly slope: number;
  /** Standard error of the slope, were the points' distances from the line independent of one another. */
  readonly standardError: number;
  /** The line at x = 0. */
  readonly intercept: number;
}

/**
 * Fits a line by least squares: does memory grow with the tokens read?
 *
 * @param x `[points]`
 * @param y `[points]`
 * @throws {TypeError} if there are not as many of the one as of the other
 * @throws {RangeError} if there are fewer than three points, or all are at one x
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { linearTrend } from "kvmirror";
 *
 * assertEquals(linearTrend([0, 1, 2], [5, 7, 9]), { slope: 2, standardError: 0, intercept: 5 });
 * ```
 */
export function linearTrend(x: readonly number[], y: readonly number[]): LinearTrend {
  if (x.length !== y.length) {
    throw new TypeError(`Cannot fit a line to ${x.length} and ${y.length} numbers as each point has both`);
  }
  const [centerX, centerY] = [mean(x), mean(y)];
  const spread = x.reduce((sum, value) => sum + (value - centerX) ** 2, 0);
  if (x.length < 3 || spread === 0) {
    throw new RangeError(`Cannot fit a line to ${x.length} points as it takes three, not all at one place`);
  }
  const slope = x.reduce((sum, value, index) => sum + (value - centerX) * (y[index] - centerY), 0) / spread;
  const intercept = centerY - slope * centerX;
  const left = x.reduce((sum, value, index) => sum + (y[index] - intercept - slope * value) ** 2, 0);
  return { slope, standardError: Math.sqrt(left / (x.length - 2) / spread), intercept };
}
