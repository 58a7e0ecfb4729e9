import type { CacheState } from "./cache_state.ts";
import { emptyVectors } from "./packed_vectors.ts";
import { isFloatRows } from "./row_format.ts";
import type { RunRows } from "./session.ts";

/** Where rows come one by one or a few at a time, room for this many more is made at once. */
const GROWTH_ROWS = 63;

/** Makes room for `count` rows after those of every head, in place, and gives all of both: see {@linkcode KvCache.room}. */
export function rowRoom(state: CacheState, count: number): RunRows[] {
  const spare = count <= GROWTH_ROWS ? GROWTH_ROWS : 0;
  state.heads = state.heads.map((head) => head.own(head.length + count, spare));
  const { heads, rowFormat: { keys, values } } = state;
  if (isFloatRows(state.rowFormat)) return heads.map((head) => head.room(count));
  return heads.map((head) => {
    const {
      headDim,
      packed = { keys: emptyVectors(keys, headDim, 0, 0), values: emptyVectors(values, headDim, 0, 0) },
    } = head;
    return { ...head.room(count), packed };
  });
}
