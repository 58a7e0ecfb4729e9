import type { CacheShape } from "../../rows/cache_shape.ts";
import type { HeadRows } from "../../rows/head_rows.ts";
import type { AttentionRecording, ChunkStart } from "../../signals/signals.ts";
import type { CacheState } from "./cache_state.ts";
import { quantizeAged } from "./quantize_rows.ts";
import { type ChunkMoments, QueryMoments } from "./query_moments.ts";

/** What the decoder gave for a chunk of tokens: see {@linkcode KvCache.append}. */
export interface CacheChunk {
  readonly ids: ArrayLike<number>;
  readonly attention: Float32Array;
  readonly start: ChunkStart | readonly ChunkStart[];
  readonly moments?: readonly ChunkMoments[];
}

/** Takes a chunk's rows, which lie in their room, into a cache's state and adds up what it recorded, in place. */
export function appendChunk(
  state: CacheState,
  recordings: readonly AttentionRecording[],
  shape: CacheShape,
  { ids, attention, start, moments }: CacheChunk,
): void {
  const count = ids.length;
  const stride = state.heads.reduce((sum, { length }) => sum + length + count, 0);
  const seen = { values: attention, stride, count, start };
  let offset = 0;
  for (const head of state.heads) {
    head.takeIn(count, state.ids.length);
    if (attention.length > 0) recordAttention(head, recordings, offset, seen);
    offset += head.length;
  }
  quantizeAged(state);
  state.ids = state.ids.with(ids);
  if (attention.length > 0) {
    const known = new Set(recordings.filter((recording, index) => beginsAnew(recording, index, start)));
    state.lost = new Set([...state.lost].filter((recording) => recording === "moments" || !known.has(recording)));
  }
  if (attention.length > 0 || moments !== undefined) state.recordedUntil = state.ids.length;
  if (moments !== undefined && !state.lost.has("moments")) addMoments(state, shape, moments);
}

function addMoments(state: CacheState, shape: CacheShape, moments: readonly ChunkMoments[]): void {
  if (state.moments === undefined || state.moments.shared) {
    state.moments = { own: new QueryMoments(shape, state.moments?.own), shared: false };
  }
  state.moments.own.add(moments);
}

/** The attention that a chunk's queries paid to all rows, as the decoder gives it. */
export interface ChunkAttention {
  /** For each head in turn `[taps, rows]`, its taps strided by `stride`. */
  readonly values: Float32Array;
  /** Rows of all heads. */
  readonly stride: number;
  /** Queries of the chunk. */
  readonly count: number;
  /** Whether a tap of the newest queries begins anew: all of them, or one word a tap. */
  readonly start: ChunkStart | readonly ChunkStart[];
}

/** Whether a tap forgets with this chunk what it held before. */
export function beginsAnew(recording: AttentionRecording, index: number, start: ChunkAttention["start"]): boolean {
  return typeof recording === "number" && (typeof start === "string" ? start : start[index]) === "first";
}

/** Adds a chunk's attention to a head's taps, in place. `offset` is where the head's rows begin. */
export function recordAttention(
  head: HeadRows,
  recordings: readonly AttentionRecording[],
  offset: number,
  { values, stride, count, start }: ChunkAttention,
): void {
  recordings.forEach((recording, index) => {
    const recorded = head.recordings[index];
    const from = index * stride + offset;
    // What was seen before counts as it did, for less, or no more.
    const earlier = typeof recording === "object"
      ? recording.decay ** count
      : beginsAnew(recording, index, start)
      ? 0
      : 1;
    for (let row = 0; row < head.length; row++) recorded[row] = recorded[row] * earlier + values[from + row];
  });
}
