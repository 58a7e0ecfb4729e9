/** Positions of a text from `start` to before `end`. */
export interface PositionRange {
  /** The first position. */
  readonly start: number;
  /** The position after the last. */
  readonly end: number;
}

/** Adds a range to others. The result ascends, and its ranges neither touch nor overlap. */
export function addRange(ranges: readonly PositionRange[], added: PositionRange): readonly PositionRange[] {
  if (added.start >= added.end) return ranges;
  const touching = ranges.filter(({ start, end }) => start <= added.end && end >= added.start);
  const joined = {
    start: Math.min(added.start, ...touching.map(({ start }) => start)),
    end: Math.max(added.end, ...touching.map(({ end }) => end)),
  };
  return [...ranges.filter((range) => !touching.includes(range)), joined]
    .toSorted((one, other) => one.start - other.start);
}

/** Removes the positions of one range from others. */
export function removeRange(ranges: readonly PositionRange[], removed: PositionRange): readonly PositionRange[] {
  return ranges.flatMap(({ start, end }) =>
    [
      { start, end: Math.min(end, removed.start) },
      { start: Math.max(start, removed.end), end },
    ].filter((left) => left.start < left.end)
  );
}

/** Whether a position is in one of the ranges. */
export function inRanges(ranges: readonly PositionRange[], position: number): boolean {
  return ranges.some(({ start, end }) => start <= position && position < end);
}

/**
 * Checks that a range is not empty and within the text.
 *
 * @param action the caller's action, for the message: "pin"
 * @throws {RangeError} if it is not; the message names the range and the tokens read
 */
export function checkRange(action: string, { start, end }: PositionRange, tokenCount: number): void {
  if ([start, end].every(Number.isSafeInteger) && start >= 0 && start < end && end <= tokenCount) return;
  throw new RangeError(
    `Cannot ${action} positions ${start} to before ${end} as it must be a range within the ${tokenCount} tokens read`,
  );
}
