import type { CacheState } from "./cache_state.ts";
import type { HeadRows } from "./head_rows.ts";
import { removeRange } from "./position_range.ts";
import { checkRewind } from "./rewind_range.ts";
import { restoreSignals } from "./signal_mark.ts";
import type { Tap } from "./signals.ts";

/**
 * Takes a cache's state back to when `position` tokens had been read, in place: see {@linkcode KvCache.rewind}.
 *
 * @param recorded what the cache records while it reads
 * @throws {RangeError} if rows that it had then were evicted since; nothing has changed then
 */
export function rewindState(state: CacheState, position: number, recorded: readonly Tap[]): void {
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
function forgetSignals(state: CacheState, lost: readonly Tap[]): void {
  for (const { taps } of state.heads) for (const tap of taps) tap.fill(0);
  state.moments = undefined;
  state.lost = new Set(lost);
  state.recordedUntil = 0;
}
