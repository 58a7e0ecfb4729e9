import type { CacheShape } from "../../rows/cache_shape.ts";
import type { HeadRows } from "../../rows/head_rows.ts";
import {
  type AttentionRecording,
  attentionRecordings,
  type ChunkRecording,
  chunkRecordings,
  type ChunkStart,
  type Recording,
  rowRecordings,
} from "../../signals/signals.ts";
import type { CacheState } from "./cache_state.ts";
import { quantizeAged } from "./quantize_rows.ts";
import { type ChunkMoments, QueryMoments } from "./query_moments.ts";
import { hiddenRows } from "./windows.ts";

/** A chunk's own numbers, by recording: `[layer · kv heads + kv head]`, `[S]` each. */
export type ChunkNumbers = Readonly<Partial<Record<ChunkRecording, readonly Float32Array[]>>>;

/** The decoder's outputs for a chunk of tokens: see {@linkcode KvCache.append}. */
export interface CacheChunk {
  readonly ids: ArrayLike<number>;
  readonly attention: Float32Array;
  readonly start: ChunkStart | readonly ChunkStart[];
  readonly moments?: readonly ChunkMoments[];
  readonly ofChunk?: ChunkNumbers;
}

/**
 * Adds a chunk's rows, which the decoder wrote into their room, and its recordings to a cache's state, in place.
 *
 * @throws {TypeError} if the cache records numbers of chunks that this one does not have
 */
export function appendChunk(
  state: CacheState,
  recorded: readonly Recording[],
  shape: CacheShape,
  { ids, attention, start, moments, ofChunk = {} }: CacheChunk,
): void {
  const count = ids.length;
  const recordings = attentionRecordings(recorded);
  const numbers = chunkRecordings(recorded).map((recording) => {
    const own = ofChunk[recording];
    if (own === undefined) {
      throw new TypeError(`Cannot append rows without ${recording} to a cache that records it: give some`);
    }
    return { own, place: rowRecordings(recorded).indexOf(recording) };
  });
  const hidden = hiddenRows(state, shape);
  const stride = state.heads.reduce((sum, { length }, index) => sum + length - hidden[index] + count, 0);
  const seen = { values: attention, stride, count, start };
  let offset = 0;
  state.heads.forEach((head, index) => {
    head.takeIn(count, state.ids.length);
    for (const { own, place } of numbers) head.recordings[place].set(own[index], head.length - count);
    if (attention.length > 0) recordAttention(head, recordings, offset - hidden[index], hidden[index], seen);
    offset += head.length - hidden[index];
  });
  quantizeAged(state);
  state.ids = state.ids.with(ids);
  state.nextRotary += count;
  if (attention.length > 0) {
    const known = new Set<Recording>(recordings.filter((recording, index) => startsOver(recording, index, start)));
    state.lost = new Set([...state.lost].filter((recording) => !known.has(recording)));
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

/** The attention of a chunk's queries to all rows, as the decoder gives it. */
export interface ChunkAttention {
  /** Head after head `[recordings, rows]`, recordings strided by `stride`. */
  readonly values: Float32Array;
  /** Rows of all heads. */
  readonly stride: number;
  /** Queries of the chunk. */
  readonly count: number;
  /** Whether recordings of the newest queries start over: one word for all, or one a recording. */
  readonly start: ChunkStart | readonly ChunkStart[];
}

/** Whether a recording of the newest queries drops its earlier queries with this chunk. */
function startsOver(recording: AttentionRecording, index: number, start: ChunkAttention["start"]): boolean {
  return typeof recording === "number" && (typeof start === "string" ? start : start[index]) === "first";
}

/**
 * Adds a chunk's attention to a head's recordings, in place.
 *
 * @param offset index of the head's first row, as if its hidden rows had attention too
 * @param hidden rows that the chunk did not see: they stay as they are until they are freed
 */
function recordAttention(
  head: HeadRows,
  recordings: readonly AttentionRecording[],
  offset: number,
  hidden: number,
  { values, stride, count, start }: ChunkAttention,
): void {
  recordings.forEach((recording, index) => {
    const recorded = head.recordings[index];
    const from = index * stride + offset;
    // Earlier attention keeps its weight, decays, or is dropped.
    const earlier = typeof recording === "object"
      ? recording.decay ** count
      : startsOver(recording, index, start)
      ? 0
      : 1;
    for (let row = hidden; row < head.length; row++) recorded[row] = recorded[row] * earlier + values[from + row];
  });
}
