import type { HeadRows } from "./head_rows.ts";
import type { AttentionTap, ChunkStart } from "./signals.ts";

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
export function beginsAnew(tap: AttentionTap, index: number, start: ChunkAttention["start"]): boolean {
  return typeof tap === "number" && (typeof start === "string" ? start : start[index]) === "first";
}

/** Adds a chunk's attention to a head's taps, in place. `offset` is where the head's rows begin. */
export function recordAttention(
  head: HeadRows,
  taps: readonly AttentionTap[],
  offset: number,
  { values, stride, count, start }: ChunkAttention,
): void {
  taps.forEach((tap, index) => {
    const recorded = head.taps[index];
    const from = index * stride + offset;
    // What was seen before counts as it did, for less, or no more.
    const earlier = typeof tap === "object" ? tap.decay ** count : beginsAnew(tap, index, start) ? 0 : 1;
    for (let row = 0; row < head.length; row++) recorded[row] = recorded[row] * earlier + values[from + row];
  });
}
