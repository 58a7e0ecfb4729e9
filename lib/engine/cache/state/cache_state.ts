import type { Rotary, RotaryLength } from "../../../numeric/rotary.ts";
import { type CacheDtype, FLOAT32_CACHE, isFloat32 } from "../../rows/cache_dtype.ts";
import { type CacheShape, hasWindows } from "../../rows/cache_shape.ts";
import { HeadRows, type ProbedRows, type RunRows } from "../../rows/head_rows.ts";
import type { PositionRange } from "../../rows/position_range.ts";
import { emptyVectors, vectorsFrom } from "../../rows/quantized_vectors.ts";
import { type PositionMode, rotaryPositions } from "../../rows/rotary_positions.ts";
import { TokenIds } from "../../rows/token_ids.ts";
import type { ObservedSignal, Recording } from "../../signals/signals.ts";
import type { QueryMoments } from "./query_moments.ts";

/** The parts of a cache that change. A cache replaces a part that it shares, and changes only parts of its own. */
export interface CacheState {
  /** `[layer · kv heads + kv head]` */
  heads: HeadRows[];
  ids: TokenIds;
  /** The dtype of rows older than the residual length. */
  cacheDtype: CacheDtype;
  positions: PositionMode;
  /** The rotary position of the next token. */
  nextRotary: number;
  /** Whether keys turn as in a text of up to {@linkcode CacheShape.rotaryBeyond}'s length, or as in a longer one. */
  rotation: RotaryLength;
  /** Moments of the queries so far; while shared they are copied before they change. */
  moments?: { readonly own: QueryMoments; shared: boolean };
  /** Recordings that a rewind lost. */
  lost: ReadonlySet<Recording>;
  /** Tokens read by the time of the last recording. */
  recordedUntil: number;
  /** The newest tokens that are a draft: windows hold the rows that a rewind before them needs. */
  drafted: number;
  /** Whether the decoder is writing rows now, between {@linkcode KvCache.room} and {@linkcode KvCache.append}. */
  running: boolean;
  /** Evictions that a rewind cannot go behind. */
  gaps: readonly EvictionGap[];
  /** Positions protected from eviction. */
  pins: readonly PositionRange[];
  /** Copies of the signals, by the tokens read at that moment. */
  marks: ReadonlyMap<number, SignalMark>;
}

/** How positions turn the keys of a cache now. */
export function rotaryOf({ rotation }: CacheState, { rotary, rotaryBeyond }: CacheShape): Rotary {
  return rotation === "beyond" ? rotaryBeyond?.rotary ?? rotary : rotary;
}

/** The state of a new cache. */
export function emptyState({ layerCount, kvHeadCount, headDim }: CacheShape, recordingCount: number): CacheState {
  return {
    heads: Array.from({ length: layerCount * kvHeadCount }, () => new HeadRows(headDim, recordingCount)),
    ids: new TokenIds(),
    cacheDtype: FLOAT32_CACHE,
    positions: "logical",
    nextRotary: 0,
    rotation: "within",
    lost: new Set(),
    recordedUntil: 0,
    drafted: 0,
    running: false,
    gaps: [],
    pins: [],
    marks: new Map(),
  };
}

/**
 * The rows of one kv head.
 *
 * @throws {RangeError} if there is no such layer or head
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

/** Adds an observed signal of every head, `[rows]` each. */
export function noteObserved(state: CacheState, signal: ObservedSignal, values: readonly Float32Array[]): void {
  state.heads = state.heads.map((shared, index) => {
    const head = shared.own();
    head.observed = new Map([...head.observed, [signal, values[index]]]);
    return head;
  });
}

/** The same state for a second cache. The two share rows and moments until one of them changes them. */
export function sharedState(state: CacheState): CacheState {
  if (state.moments !== undefined) state.moments.shared = true;
  return {
    ...state,
    heads: state.heads.map((head) => head.share()),
    moments: state.moments && { own: state.moments.own, shared: true },
    // What one cache may take back is the other's text.
    drafted: 0,
  };
}

/** Rows allocated ahead where tokens come one by one or a few at a time. */
const GROWTH_ROWS = 63;

/**
 * Makes room for `count` more rows in every head, in place, and gives rows and room: see {@linkcode KvCache.room}.
 *
 * @param hidden rows of each head that the run does not see
 */
export function rowRoom(state: CacheState, count: number, hidden: readonly number[], shape: CacheShape): RunRows[] {
  const spare = count <= GROWTH_ROWS ? GROWTH_ROWS : 0;
  state.heads = state.heads.map((head) => head.own(head.length + count, spare));
  const { heads, cacheDtype, positions, nextRotary } = state;
  const rotary = hasWindows(shape) ? rotaryPositions(heads, positions, nextRotary) : [];
  return heads.map((head, index) => {
    const rows = head.room(count, hidden[index]);
    const seen = shape.windows[Math.floor(index / shape.kvHeadCount)] === 0 ? {} : {
      positions: Int32Array.from(
        { length: head.length - hidden[index] + count },
        (_, row) => rotary[index][hidden[index] + row] ?? nextRotary + row - (head.length - hidden[index]),
      ),
    };
    if (isFloat32(cacheDtype)) return { ...rows, ...seen };
    const { headDim, quantized } = head;
    const vectors = (of: "keys" | "values") =>
      quantized === undefined
        ? emptyVectors(cacheDtype[of], headDim, 0, 0)
        : vectorsFrom(quantized[of], Math.min(hidden[index], head.quantizedCount));
    return { ...rows, ...seen, quantized: { keys: vectors("keys"), values: vectors("values") } };
  });
}

/** All rows of a cache's state as an attention probe takes them, `[layer · kv heads + kv head]`. */
export function probedRows({ heads, positions, nextRotary }: CacheState): ProbedRows[] {
  const rotary = rotaryPositions(heads, positions, nextRotary);
  return heads.map((head, index) => ({
    keys: head.liveKeys(),
    values: head.liveValues(),
    positions: head.livePositions(),
    rotaryPositions: rotary[index],
  }));
}

/** A copy of a cache's signals at one moment. It never changes. */
export interface SignalMark {
  /** Recorded attention, `[head][recording]`, `[rows]` each. */
  readonly recordings: readonly (readonly Float32Array[])[];
  /** Observed signals, by head. */
  readonly observed: readonly HeadRows["observed"][];
  readonly moments?: QueryMoments;
  readonly lost: ReadonlySet<Recording>;
  readonly recordedUntil: number;
}

/**
 * An eviction after `end` tokens that changed no row below position `start`. A rewind to a position between the two is
 * impossible, as rows of that moment are missing. `start` is -1 where the eviction rotated keys: then no earlier
 * position, not even 0, can be restored.
 */
export interface EvictionGap {
  readonly start: number;
  readonly end: number;
}
