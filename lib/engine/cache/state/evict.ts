import type { Choice } from "../../../policies/policy.ts";
import type { CacheShape } from "../../rows/cache_shape.ts";
import { inRanges } from "../../rows/position_range.ts";
import { type PositionMode, rotaryPositions, rotateKeys } from "../../rows/rotary_positions.ts";
import type { CacheState } from "./cache_state.ts";
import { checkRotatable } from "./quantize_rows.ts";
import { withGap } from "./rewind.ts";

/**
 * Leaves the chosen rows of a cache's state, at their places under `mode`, in place. The choice is known to be sound.
 *
 * @throws {RangeError} if a pinned row is to go, or rounded keys are to be turned; nothing has changed then
 */
export function keepRows(state: CacheState, choice: Choice, mode: PositionMode, by: string, shape: CacheShape): void {
  checkRotatable(state.cacheDtype, mode);
  noteEviction(state, choice, mode, by);
  const still = mode === state.positions && mode === "logical";
  const old = still ? undefined : rotaryPositions(state.heads, state.positions);
  const flat = choice.flat();
  state.heads = state.heads.map((head, index) =>
    flat[index].rows.length === head.length ? head : head.keep(flat[index].rows)
  );
  state.positions = mode;
  if (old === undefined) return;
  const stayed = old.map((places, index) => Int32Array.from(flat[index].rows, (row) => places[row]));
  state.heads = rotateKeys(state.heads, stayed, rotaryPositions(state.heads, mode), shape);
}

/**
 * Takes down what an eviction is about to make impossible: rewinds to where rows of then will be missing, and the marks
 * there.
 *
 * @param choice rows that stay, `[layer][kv head]`
 * @param mode where rows will stand
 * @param by who chose, for messages
 * @throws {RangeError} if a pinned row is to go; nothing has changed then
 */
export function noteEviction(state: CacheState, choice: Choice, mode: PositionMode, by: string): void {
  const lowest = lowestEvicted(state, choice, by);
  const turns = mode !== state.positions || (mode === "compact" && lowest < Infinity);
  if (!turns && lowest === Infinity) return;
  const start = turns ? -1 : lowest;
  state.gaps = withGap(state.gaps, { start, end: state.ids.length });
  // A mark is of the rows below its position: it goes with the first of them.
  state.marks = new Map([...state.marks].filter(([position]) => position <= start));
}

/** The lowest position that goes in any head; infinite if none does. */
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
