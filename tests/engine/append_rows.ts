import type { KvCache } from "kvmirror/engine";
import type { ChunkMoments } from "../../lib/engine/query_moments.ts";
import type { ChunkStart } from "../../lib/engine/signals.ts";

/** What {@linkcode appendRows} takes in beside rows. */
export interface AppendedSignals {
  readonly attention?: Float32Array;
  readonly start?: ChunkStart;
  readonly moments?: readonly ChunkMoments[];
}

/** Writes rows into a cache's room and takes them in, as a run does: `[layers · kv heads, ids, head_dim]` each. */
export function appendRows(
  cache: KvCache,
  ids: ArrayLike<number>,
  keys: Float32Array,
  values: Float32Array,
  { attention = new Float32Array(0), start = "first", moments }: AppendedSignals = {},
): void {
  const size = ids.length * cache.shape.headDim;
  cache.room(ids.length).forEach((room, head) => {
    room.keys.set(keys.subarray(head * size, (head + 1) * size), room.keys.length - size);
    room.values.set(values.subarray(head * size, (head + 1) * size), room.values.length - size);
  });
  cache.append(ids, attention, start, moments);
}
