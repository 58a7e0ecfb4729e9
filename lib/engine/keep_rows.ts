import type { Choice } from "../policies/policy.ts";
import type { CacheShape } from "./cache_shape.ts";
import type { CacheState } from "./cache_state.ts";
import { noteEviction } from "./note_eviction.ts";
import { checkTurnable } from "./quantise_rows.ts";
import { type PositionMode, rotaryPlaces, turnKeys } from "./rotary_places.ts";

/**
 * Leaves the chosen rows of a cache's state, at their places under `mode`, in place. The choice is known to be sound.
 *
 * @throws {RangeError} if a pinned row is to go, or rounded keys are to be turned; nothing has changed then
 */
export function keepRows(state: CacheState, choice: Choice, mode: PositionMode, by: string, shape: CacheShape): void {
  checkTurnable(state.rowFormat, mode);
  noteEviction(state, choice, mode, by);
  const still = mode === state.positions && mode === "logical";
  const old = still ? undefined : rotaryPlaces(state.heads, state.positions);
  const flat = choice.flat();
  state.heads = state.heads.map((head, index) =>
    flat[index].rows.length === head.length ? head : head.keep(flat[index].rows)
  );
  state.positions = mode;
  if (old === undefined) return;
  const stayed = old.map((places, index) => Int32Array.from(flat[index].rows, (row) => places[row]));
  state.heads = turnKeys(state.heads, stayed, rotaryPlaces(state.heads, mode), shape);
}
