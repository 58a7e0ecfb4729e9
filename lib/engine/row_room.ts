import type { CacheState } from "./cache_state.ts";
import type { RowViews } from "./session.ts";

/** Where rows come one by one, room for this many more is made at a time. */
const GROWTH_ROWS = 63;

/** Makes room for `count` rows after those of every head, in place, and gives all of both: see {@linkcode KvCache.room}. */
export function rowRoom(state: CacheState, count: number): RowViews[] {
  const spare = count === 1 ? GROWTH_ROWS : 0;
  state.heads = state.heads.map((head) => head.own(head.length + count, spare));
  return state.heads.map((head) => head.room(count));
}
