import type { CacheShape } from "./cache_shape.ts";
import type { CacheState } from "./cache_state.ts";
import { type ChunkMoments, QueryMoments } from "./query_moments.ts";
import { packAged } from "./quantise_rows.ts";
import { beginsAnew, recordAttention } from "./record_attention.ts";
import type { AttentionTap, ChunkStart } from "./signals.ts";

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
  taps: readonly AttentionTap[],
  shape: CacheShape,
  { ids, attention, start, moments }: CacheChunk,
): void {
  const count = ids.length;
  const stride = state.heads.reduce((sum, { length }) => sum + length + count, 0);
  const seen = { values: attention, stride, count, start };
  let offset = 0;
  for (const head of state.heads) {
    head.takeIn(count, state.ids.length);
    if (attention.length > 0) recordAttention(head, taps, offset, seen);
    offset += head.length;
  }
  packAged(state);
  state.ids = state.ids.with(ids);
  if (attention.length > 0) {
    const known = new Set(taps.filter((tap, index) => beginsAnew(tap, index, start)));
    state.lost = new Set([...state.lost].filter((tap) => tap === "moments" || !known.has(tap)));
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
