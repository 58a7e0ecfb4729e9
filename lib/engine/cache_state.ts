import type { CacheShape } from "./cache_shape.ts";
import { HeadRows } from "./head_rows.ts";
import type { ObservedNeed } from "./observed_need.ts";
import type { PositionRange } from "./position_range.ts";
import type { QueryMoments } from "./query_moments.ts";
import type { EvictionGap } from "./rewind_range.ts";
import type { PositionMode } from "./rotary_places.ts";
import { FLOAT_ROWS, type RowFormat } from "./row_format.ts";
import type { SignalMark } from "./signal_mark.ts";
import type { Tap } from "./signals.ts";
import { TokenIds } from "./token_ids.ts";

/** All that a cache is made of besides what it records: a cache replaces its parts and never changes shared ones. */
export interface CacheState {
  /** `[layer · kv heads + kv head]` */
  heads: HeadRows[];
  ids: TokenIds;
  /** How rows that left the window are held. */
  rowFormat: RowFormat;
  positions: PositionMode;
  /** Of the queries so far; a copy is taken before they change while others hold them. */
  moments?: { readonly own: QueryMoments; shared: boolean };
  /** What was recorded and is no longer known. */
  lost: ReadonlySet<Tap>;
  /** Tokens that had been read when something was last recorded. */
  recordedUntil: number;
  /** What evictions took that a rewind would want back. */
  gaps: readonly EvictionGap[];
  /** Positions that no eviction takes. */
  pins: readonly PositionRange[];
  /** Signals as they stood, by the tokens read then. */
  marks: ReadonlyMap<number, SignalMark>;
}

/** The state of a cache that has read nothing. */
export function emptyState({ layerCount, kvHeadCount, headDim }: CacheShape, tapCount: number): CacheState {
  return {
    heads: Array.from({ length: layerCount * kvHeadCount }, () => new HeadRows(headDim, tapCount)),
    ids: new TokenIds(),
    rowFormat: FLOAT_ROWS,
    positions: "logical",
    lost: new Set(),
    recordedUntil: 0,
    gaps: [],
    pins: [],
    marks: new Map(),
  };
}

/**
 * One head's rows.
 *
 * @throws {RangeError} if there is no such head
 */
export function headAt(state: CacheState, shape: CacheShape, layer: number, kvHead: number): HeadRows {
  const { layerCount, kvHeadCount } = shape;
  if (!(layer >= 0 && layer < layerCount && kvHead >= 0 && kvHead < kvHeadCount)) {
    throw new RangeError(
      `Cannot read layer ${layer}, kv head ${kvHead} as there are ${layerCount} layers of ${kvHeadCount} kv heads`,
    );
  }
  return state.heads[layer * kvHeadCount + kvHead];
}

/** Adds what was observed of every head's rows, `[rows]` each. */
export function noteObserved(state: CacheState, need: ObservedNeed, values: readonly Float32Array[]): void {
  state.heads = state.heads.map((shared, index) => {
    const head = shared.own();
    head.observed = new Map([...head.observed, [need, values[index]]]);
    return head;
  });
}

/** Lets go of a state's rows, which frees those that no fork shares; what was read and evicted is still known. */
export function releasedState(state: CacheState, shape: CacheShape, tapCount: number): CacheState {
  const { heads, ids, positions, rowFormat } = state;
  for (const head of heads) head.release();
  const gaps = ids.length === 0 ? [] : [{ start: -1, end: ids.length }];
  return { ...emptyState(shape, tapCount), ids, positions, rowFormat, gaps };
}

/** The same state for a second cache: rows and moments are shared until one of the two changes them. */
export function sharedState(state: CacheState): CacheState {
  if (state.moments !== undefined) state.moments.shared = true;
  return {
    ...state,
    heads: state.heads.map((head) => head.share()),
    moments: state.moments && { own: state.moments.own, shared: true },
  };
}
