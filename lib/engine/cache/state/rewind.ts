import type { HeadRows } from "../../rows/head_rows.ts";
import { removeRange } from "../../rows/position_range.ts";
import type { Recording } from "../../signals/signals.ts";
import type { CacheState, EvictionGap } from "./cache_state.ts";
import { restoreSignals } from "./signal_mark.ts";

/**
 * Takes a cache's state back to when `position` tokens had been read, in place: see {@linkcode KvCache.rewind}.
 *
 * @param recorded what the cache records while it reads
 * @throws {RangeError} if rows that it had then were evicted since; nothing has changed then
 */
export function rewindState(state: CacheState, position: number, recorded: readonly Recording[]): void {
  const before = state.ids.length;
  checkRewind(state.gaps, position, before);
  if (position === before) return;
  state.heads = state.heads.map((head) => firstRows(head, position));
  state.ids = state.ids.upTo(position);
  state.gaps = state.gaps.filter(({ end }) => end <= position);
  state.pins = removeRange(state.pins, { start: position, end: before });
  const mark = state.marks.get(position);
  state.marks = new Map([...state.marks].filter(([marked]) => marked <= position));
  if (mark !== undefined) restoreSignals(state, mark);
  else if (position === 0) forgetSignals(state, []);
  else if (position < state.recordedUntil) forgetSignals(state, recorded);
}

/** A head's rows of positions below `position`, held by nobody else; what was observed of more rows is gone. */
function firstRows(head: HeadRows, position: number): HeadRows {
  let count = head.length;
  while (count > 0 && head.positions[count - 1] >= position) count--;
  return head.upTo(count);
}

/** Running sums cannot be undone: nothing is known of what they were, or, with nothing read, all is. */
function forgetSignals(state: CacheState, lost: readonly Recording[]): void {
  for (const { recordings } of state.heads) for (const recording of recordings) recording.fill(0);
  state.moments = undefined;
  state.lost = new Set(lost);
  state.recordedUntil = 0;
}

/** Positions from `first` to `last`, both among them. */
export interface RewindRange {
  /** The lowest position. */
  readonly first: number;
  /** The highest position. */
  readonly last: number;
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
