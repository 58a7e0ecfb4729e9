/** Shares of numbers by their powers of e, which sum to 1: `[n]`. */
export function softmax(values: Float64Array): Float64Array {
  const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = values.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
