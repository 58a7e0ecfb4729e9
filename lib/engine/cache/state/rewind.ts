import type { HeadRows } from "../../rows/head_rows.ts";
import { removeRange } from "../../rows/position_range.ts";
import { isChunkRecording, type Recording, rowRecordings } from "../../signals/signals.ts";
import type { CacheState, EvictionGap } from "./cache_state.ts";
import { restoreSignals } from "./signal_mark.ts";

/**
 * Rewinds a cache's state to the moment when `position` tokens had been read, in place: see {@linkcode KvCache.rewind}.
 *
 * @param recorded the cache's recordings
 * @throws {RangeError} if rows of that moment were evicted since; the state is unchanged then
 */
export function rewindState(state: CacheState, position: number, recorded: readonly Recording[]): void {
  const before = state.ids.length;
  checkRewind(state.gaps, position, before);
  if (position === before) return;
  state.heads = state.heads.map((head) => firstRows(head, position));
  state.ids = state.ids.upTo(position);
  state.nextRotary -= before - position;
  state.drafted = Math.max(0, state.drafted - (before - position));
  state.gaps = state.gaps.filter(({ end }) => end <= position);
  state.pins = removeRange(state.pins, { start: position, end: before });
  const mark = state.marks.get(position);
  state.marks = new Map([...state.marks].filter(([marked]) => marked <= position));
  if (mark !== undefined) restoreSignals(state, mark);
  else if (position === 0) forgetSignals(state, recorded, []);
  else if (position < state.recordedUntil) forgetSignals(state, recorded, recorded.filter(isRunningSum));
}

/** A head's rows of positions below `position`, shared with no other cache; observed signals are dropped. */
function firstRows(head: HeadRows, position: number): HeadRows {
  let count = head.length;
  while (count > 0 && head.positions[count - 1] >= position) count--;
  return head.upTo(count);
}

/** Whether later tokens change what is recorded of a row: its chunk's own numbers stay as they are. */
function isRunningSum(recording: Recording): boolean {
  return !isChunkRecording(recording);
}

/** Clears running sums, which cannot be undone; at position 0, where nothing is read, no recording is lost. */
function forgetSignals(state: CacheState, recorded: readonly Recording[], lost: readonly Recording[]): void {
  const sums = rowRecordings(recorded).map(isRunningSum);
  for (const { recordings } of state.heads) {
    recordings.forEach((recording, index) => {
      if (sums[index]) recording.fill(0);
    });
  }
  state.moments = undefined;
  state.lost = new Set(lost);
  state.recordedUntil = 0;
}

/** Positions from `first` to `last`, both included. */
export interface RewindRange {
  /** The lowest position. */
  readonly first: number;
  /** The highest position. */
  readonly last: number;
}

/** Adds an eviction's gap to the others, those within it left out. */
export function withGap(gaps: readonly EvictionGap[], gap: EvictionGap): readonly EvictionGap[] {
  const apart = gaps.filter(({ start, end }) => start < gap.start || end > gap.end);
  return [...apart, gap];
}

/** Whether a rewind to this position is possible. */
export function canRewind(gaps: readonly EvictionGap[], position: number): boolean {
  return gaps.every(({ start, end }) => position <= start || position >= end);
}

/** Every position that a rewind can go to, in ascending ranges; the last range ends with the text. */
export function rewindRanges(gaps: readonly EvictionGap[], tokenCount: number): RewindRange[] {
  const ranges: RewindRange[] = [];
  let first = 0;
  for (const { start, end } of gaps.toSorted((one, other) => one.start - other.start)) {
    // An eviction of the newest position alone leaves no position that cannot be gone to.
    if (end - start < 2) continue;
    if (start >= first) ranges.push({ first, last: start });
    first = Math.max(first, end);
  }
  return [...ranges, { first, last: tokenCount }];
}

/**
 * Checks that a rewind can go to a position.
 *
 * @throws {RangeError} if it cannot; the message names the positions still available
 */
function checkRewind(gaps: readonly EvictionGap[], position: number, tokenCount: number): void {
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
