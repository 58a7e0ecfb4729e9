/**
 * The largest size whose text is at most so long, found from both sides: between a size that fits and one that does
 * not, where the line between them meets the limit, and every other time half-way.
 *
 * @param measure length of the text of a size; it grows with the size, all in all
 * @returns undefined if the least size is too long already
 */
export function fitSize(measure: (size: number) => number, limit: number, least: number): number | undefined {
  let low = least;
  let lowLength = measure(low);
  if (lowLength > limit) return undefined;
  let high = low;
  let highLength = lowLength;
  while (highLength <= limit) {
    [low, lowLength] = [high, highLength];
    const rate = Math.max(1, highLength) / Math.max(1, high);
    high = Math.max(high + 1, Math.ceil((1.1 * limit) / rate));
    highLength = measure(high);
  }
  for (let turn = 0; high - low > 1; turn++) {
    const share = turn % 2 === 0 ? (limit - lowLength) / (highLength - lowLength) : 0.5;
    const middle = Math.min(high - 1, Math.max(low + 1, low + Math.round((high - low) * share)));
    const length = measure(middle);
    if (length <= limit) [low, lowLength] = [middle, length];
    else [high, highLength] = [middle, length];
  }
  return low;
}
