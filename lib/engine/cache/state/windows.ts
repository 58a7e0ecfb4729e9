import { type CacheShape, hasWindows } from "../../rows/cache_shape.ts";
import type { CacheState } from "./cache_state.ts";
import { withGap } from "./rewind.ts";

/** Hidden rows that wait in their buffers, so that not every token moves a window's rows. */
const WAITING_ROWS = 64;

/**
 * Rows of each head that no query to come sees, as they are beyond their layer's window: the oldest. A query to come may
 * stand where a draft begins, which may be taken back.
 * `[layer · kv heads + kv head]`
 */
export function hiddenRows(
  { heads, positions, nextRotary, drafted }: CacheState,
  { windows, kvHeadCount }: CacheShape,
): number[] {
  if (!hasWindows({ windows })) return new Array(heads.length).fill(0);
  return heads.map((head, index) => {
    const window = windows[Math.floor(index / kvHeadCount)];
    if (window === 0) return 0;
    // Compact positions have no gaps: a head's newest row is just before the next token.
    if (positions === "compact") return Math.max(0, head.length - drafted + 1 - window);
    let hidden = 0;
    while (hidden < head.length && head.positions[hidden] <= nextRotary - drafted - window) hidden++;
    return hidden;
  });
}

/**
 * Frees hidden rows, in place, which changes nothing that the model computes: all of them, or those of heads where many
 * wait.
 *
 * @returns the hidden rows that wait on, as {@linkcode hiddenRows} has them
 */
export function freeHidden(state: CacheState, shape: CacheShape, which: "all" | "many"): number[] {
  const least = which === "all" ? 1 : WAITING_ROWS;
  const hidden = hiddenRows(state, shape);
  if (hidden.every((rows) => rows < least)) return hidden;
  state.heads = state.heads.map((head, index) =>
    hidden[index] < least ? head : head.keep(head.rowsFrom(hidden[index]))
  );
  state.gaps = withGap(state.gaps, { start: 0, end: state.ids.length - state.drafted });
  state.marks = new Map([...state.marks].filter(([position]) => position === 0));
  return hidden.map((rows) => rows < least ? rows : 0);
}

/** Rows that a head of this layer needs room for while `count` more tokens are read in runs of `chunk`. */
export function rowsWithin(window: number, length: number, count: number, chunk: number): number {
  return window === 0 ? length + count : Math.min(length + count, Math.max(length, window + WAITING_ROWS) + chunk);
}
