/** Positions from `first` to `last`, both among them. */
export interface RewindRange {
  /** The lowest position. */
  readonly first: number;
  /** The highest position. */
  readonly last: number;
}

/**
 * What an eviction took: it was done when `end` tokens had been read, and all rows of positions below `start` stayed as
 * they were. A rewind to a position between the two cannot be had: rows are missing there that had not gone yet.
 * `start` is -1 where keys were turned as well, so that not even an empty cache is as it was.
 */
export interface EvictionGap {
  readonly start: number;
  readonly end: number;
}

/** The gaps with a further eviction's; one that took nothing before its end leaves none. */
export function withGap(gaps: readonly EvictionGap[], gap: EvictionGap): readonly EvictionGap[] {
  if (gap.end - gap.start < 2) return gaps;
  const apart = gaps.filter(({ start, end }) => start < gap.start || end > gap.end);
  return [...apart, gap];
}

/** Whether a rewind to this position can be had. */
export function canRewind(gaps: readonly EvictionGap[], position: number): boolean {
  return gaps.every(({ start, end }) => position <= start || position >= end);
}

/** Every position that a rewind can go to, in ranges that ascend; the last one ends where the text does. */
export function rewindRanges(gaps: readonly EvictionGap[], tokenCount: number): RewindRange[] {
  const ranges: RewindRange[] = [];
  let first = 0;
  for (const { start, end } of gaps.toSorted((one, other) => one.start - other.start)) {
    if (start >= first) ranges.push({ first, last: start });
    first = Math.max(first, end);
  }
  return [...ranges, { first, last: tokenCount }];
}

/**
 * Refuses a position that a rewind cannot go to.
 *
 * @throws {RangeError} that names the positions that can be had
 */
export function checkRewind(gaps: readonly EvictionGap[], position: number, tokenCount: number): void {
  if (!Number.isSafeInteger(position) || position < 0 || position > tokenCount) {
    throw new RangeError(
      `Cannot rewind to position ${position} as it must be a whole number from 0 to ${tokenCount}, the tokens read`,
    );
  }
  if (canRewind(gaps, position)) return;
  const left = rewindRanges(gaps, tokenCount).map(({ first, last }) =>
    first === last ? `${first}` : `${first} to ${last}`
  );
  throw new RangeError(
    `Cannot rewind to position ${position} as rows from before it were evicted after it: ` +
      `what can still be had is ${left.join(" and ")}`,
  );
}
