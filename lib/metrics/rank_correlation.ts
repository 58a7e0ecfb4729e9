/**
 * Spearman's rank correlation of two paired columns, in [−1, 1]: the correlation of their ranks, where equal values share
 * the mean of their places. NaN where it is not defined: fewer than two pairs, or a column of one value. Spearman 1904,
 * https://doi.org/10.2307/1412159
 *
 * @param first `[pairs]`
 * @param second `[pairs]`, in the same order
 * @throws {TypeError} if the columns differ in length
 * @throws {RangeError} if a value is NaN
 *
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { rankCorrelation } from "kvmirror";
 *
 * assertAlmostEquals(rankCorrelation([1, 2, 3, 4], [10, 20, 20, 1e6]), Math.sqrt(0.9), 1e-12);
 * ```
 */
export function rankCorrelation(first: readonly number[], second: readonly number[]): number {
  if (first.length !== second.length) {
    throw new TypeError(`Cannot pair ${first.length} values with ${second.length} as each needs its other`);
  }
  const [one, other] = [ranks(first), ranks(second)];
  const middle = (first.length + 1) / 2;
  const product = (left: Float64Array, right: Float64Array) =>
    left.reduce((sum, rank, pair) => sum + (rank - middle) * (right[pair] - middle), 0);
  // The root of the product, not the product of roots: a perfect correlation is then exactly 1.
  const scale = Math.sqrt(product(one, one) * product(other, other));
  return scale === 0 ? NaN : product(one, other) / scale;
}

/** Places from 1 in ascending order, of equal values the mean. */
function ranks(values: readonly number[]): Float64Array {
  const missing = values.findIndex(Number.isNaN);
  if (missing >= 0) throw new RangeError(`Cannot rank pair ${missing} as it has a value that is NaN`);
  const order = [...values.keys()].sort((one, other) => values[one] - values[other]);
  const places = new Float64Array(values.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let index = start; index < end; index++) places[order[index]] = (start + 1 + end) / 2;
  }
  return places;
}
