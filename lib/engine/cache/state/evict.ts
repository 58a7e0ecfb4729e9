import type { Choice } from "../../../policies/policy.ts";
import type { CacheShape } from "../../rows/cache_shape.ts";
import { inRanges } from "../../rows/position_range.ts";
import { longestHead, type PositionMode, rotaryPositions, rotateKeys } from "../../rows/rotary_positions.ts";
import type { CacheState } from "./cache_state.ts";
import { checkRotatable } from "./quantize_rows.ts";
import { withGap } from "./rewind.ts";

/**
 * Evicts all rows of a cache's state but the chosen ones, in place, and rotates keys to the positions of `mode`. The
 * choice is valid: see {@linkcode checkChoice}.
 *
 * @param shape the cache's, with the rotary embedding that it has now
 * @throws {RangeError} if the choice leaves out a pinned row, or quantized keys would rotate; the state is unchanged
 */
export function keepRows(state: CacheState, choice: Choice, mode: PositionMode, by: string, shape: CacheShape): void {
  checkRotatable(state.cacheDtype, mode);
  noteEviction(state, choice, mode, by);
  const unrotated = mode === state.positions && mode === "logical";
  const old = unrotated ? undefined : rotaryPositions(state.heads, state.positions, state.nextRotary);
  const flat = choice.flat();
  state.heads = state.heads.map((head, index) =>
    flat[index].rows.length === head.length ? head : head.keep(flat[index].rows)
  );
  state.positions = mode;
  if (old === undefined) return;
  state.nextRotary = mode === "logical" ? state.ids.length : longestHead(state.heads);
  const kept = old.map((positions, index) => Int32Array.from(flat[index].rows, (row) => positions[row]));
  state.heads = rotateKeys(
    state.heads,
    kept,
    rotaryPositions(state.heads, mode, state.nextRotary),
    shape.rotary,
    shape.kvHeadCount,
  );
}

/**
 * Notes the rewinds that an eviction makes impossible, and removes the marks there.
 *
 * @param choice rows that stay, `[layer][kv head]`
 * @param mode the positions after the eviction
 * @param by the policy's name, for messages
 * @throws {RangeError} if the choice leaves out a pinned row; the state is unchanged then
 */
function noteEviction(state: CacheState, choice: Choice, mode: PositionMode, by: string): void {
  const lowest = lowestEvicted(state, choice, by);
  const rotates = mode !== state.positions || (mode === "compact" && lowest < Infinity);
  if (!rotates && lowest === Infinity) return;
  const start = rotates ? -1 : lowest;
  state.gaps = withGap(state.gaps, { start, end: state.ids.length });
  // A mark describes the rows below its position: it is invalid once one of them is evicted.
  state.marks = new Map([...state.marks].filter(([position]) => position <= start));
}

/** The lowest position evicted from any head; infinite if none is. */
function lowestEvicted({ heads, pins }: CacheState, choice: Choice, by: string): number {
  let lowest = Infinity;
  choice.flat().forEach(({ rows }, index) => {
    const { positions, length } = heads[index];
    if (rows.length === length) return;
    for (let row = 0, kept = 0; row < length; row++) {
      if (rows[kept] === row) kept++;
      else {
        if (inRanges(pins, positions[row])) {
          throw new RangeError(`Cannot evict position ${positions[row]} as it is pinned: unpin it first (${by})`);
        }
        lowest = Math.min(lowest, positions[row]);
      }
    }
  });
  return lowest;
}
