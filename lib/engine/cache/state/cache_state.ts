import { type CacheDtype, FLOAT32_CACHE, isFloat32 } from "../../rows/cache_dtype.ts";
import type { CacheShape } from "../../rows/cache_shape.ts";
import { HeadRows, type ProbedRows, type RunRows } from "../../rows/head_rows.ts";
import type { PositionRange } from "../../rows/position_range.ts";
import { emptyVectors } from "../../rows/quantized_vectors.ts";
import { type PositionMode, rotaryPositions } from "../../rows/rotary_positions.ts";
import { TokenIds } from "../../rows/token_ids.ts";
import type { ObservedSignal, Recording } from "../../signals/signals.ts";
import type { QueryMoments } from "./query_moments.ts";

/** All that a cache is made of besides what it records: a cache replaces its parts and never changes shared ones. */
export interface CacheState {
  /** `[layer · kv heads + kv head]` */
  heads: HeadRows[];
  ids: TokenIds;
  /** How rows that left the window are held. */
  cacheDtype: CacheDtype;
  positions: PositionMode;
  /** Of the queries so far; a copy is taken before they change while others hold them. */
  moments?: { readonly own: QueryMoments; shared: boolean };
  /** What was recorded and is no longer known. */
  lost: ReadonlySet<Recording>;
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
export function emptyState({ layerCount, kvHeadCount, headDim }: CacheShape, recordingCount: number): CacheState {
  return {
    heads: Array.from({ length: layerCount * kvHeadCount }, () => new HeadRows(headDim, recordingCount)),
    ids: new TokenIds(),
    cacheDtype: FLOAT32_CACHE,
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
export function noteObserved(state: CacheState, signal: ObservedSignal, values: readonly Float32Array[]): void {
  state.heads = state.heads.map((shared, index) => {
    const head = shared.own();
    head.observed = new Map([...head.observed, [signal, values[index]]]);
    return head;
  });
}

/** Lets go of a state's rows, which frees those that no fork shares; what was read and evicted is still known. */
export function releasedState(state: CacheState, shape: CacheShape, recordingCount: number): CacheState {
  const { heads, ids, positions, cacheDtype } = state;
  for (const head of heads) head.release();
  const gaps = ids.length === 0 ? [] : [{ start: -1, end: ids.length }];
  return { ...emptyState(shape, recordingCount), ids, positions, cacheDtype, gaps };
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

/** Where rows come one by one or a few at a time, room for this many more is made at once. */
const GROWTH_ROWS = 63;

/** Makes room for `count` rows after those of every head, in place, and gives all of both: see {@linkcode KvCache.room}. */
export function rowRoom(state: CacheState, count: number): RunRows[] {
  const spare = count <= GROWTH_ROWS ? GROWTH_ROWS : 0;
  state.heads = state.heads.map((head) => head.own(head.length + count, spare));
  const { heads, cacheDtype: { keys, values } } = state;
  if (isFloat32(state.cacheDtype)) return heads.map((head) => head.room(count));
  return heads.map((head) => {
    const {
      headDim,
      quantized = { keys: emptyVectors(keys, headDim, 0, 0), values: emptyVectors(values, headDim, 0, 0) },
    } = head;
    return { ...head.room(count), quantized };
  });
}

/** All rows of a cache's state as an attention probe takes them, `[layer · kv heads + kv head]`. */
export function probedRows({ heads, positions }: CacheState): ProbedRows[] {
  const rotary = rotaryPositions(heads, positions);
  return heads.map((head, index) => ({
    keys: head.liveKeys(),
    values: head.liveValues(),
    positions: head.livePositions(),
    rotaryPositions: rotary[index],
  }));
}

/** What policies see of a cache besides its rows, as it stood at one moment; nothing in it ever changes. */
export interface SignalMark {
  /** Recorded attention, `[head][tap]`, `[rows]` each. */
  readonly recordings: readonly (readonly Float32Array[])[];
  /** Observed signals, by head. */
  readonly observed: readonly HeadRows["observed"][];
  readonly moments?: QueryMoments;
  readonly lost: ReadonlySet<Recording>;
  readonly recordedUntil: number;
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
