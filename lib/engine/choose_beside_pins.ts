import { budgetForRatio, budgetForRows } from "../policies/budget.ts";
import type { Choice, Layer, Policy } from "../policies/policy.ts";
import { checkChoice } from "./check_choice.ts";
import { chooseRows } from "./choose_rows.ts";
import type { CompressSize } from "./compress_budget.ts";
import { type LooseRows, looseRows } from "./pinned_rows.ts";
import type { PositionRange } from "./position_range.ts";

/**
 * Has a policy choose rows for a size that pinned rows count towards: it sees the others, and gets what is left.
 *
 * @param bytesPerRow a key and a value
 * @throws {RangeError} if the pinned rows alone are more than the size, or {@linkcode chooseRows} refuses it
 */
export function chooseBesidePins(
  policy: Policy,
  layers: readonly Layer[],
  pins: readonly PositionRange[],
  to: CompressSize,
  bytesPerRow: number,
): Choice {
  if (pins.length === 0) return chooseRows(policy, layers, to, bytesPerRow);
  const loose = looseRows(layers, pins);
  const size = sizeLeft(to, layers, loose, bytesPerRow);
  if (size === "none") {
    return loose.withPinned(layers.map(({ heads }) => heads.map(() => ({ rows: new Uint32Array(0) }))));
  }
  const choice = chooseRows(policy, loose.layers, size, bytesPerRow);
  checkChoice(choice, loose.layers, policy.name);
  return loose.withPinned(choice);
}

/** What of a size is left for rows that are not pinned; `none`: not a row a head. */
function sizeLeft(
  to: CompressSize,
  layers: readonly Layer[],
  { layers: loose, pinned }: LooseRows,
  bytesPerRow: number,
): CompressSize | "none" {
  const looseLengths = lengthsOf(loose);
  if ("maxBytes" in to) {
    const taken = pinned.reduce((sum, rows) => sum + rows, 0) * bytesPerRow;
    if (!(to.maxBytes >= taken)) throw tooManyPinned(`${to.maxBytes} bytes`, `${taken} bytes`);
    const least = looseLengths.filter((length) => length > 0).length * bytesPerRow;
    const left = to.maxBytes - taken;
    return least === 0 || left < least ? "none" : { maxBytes: left };
  }
  const longest = Math.max(...lengthsOf(layers));
  const { ratio, rows } = "rows" in to ? budgetForRows(longest, to.rows) : budgetForRatio(longest, to.compressionRatio);
  if (ratio === 0) return { compressionRatio: 0 };
  const taken = Math.max(...pinned);
  if (rows < taken) throw tooManyPinned(`${rows} rows a head`, `${taken}`);
  return rows === taken || Math.max(...looseLengths) === 0 ? "none" : { rows: rows - taken };
}

function tooManyPinned(size: string, taken: string): RangeError {
  return new RangeError(`Cannot compress to ${size} as pinned rows take ${taken}: give at least that, or unpin some`);
}

function lengthsOf(layers: readonly Layer[]): number[] {
  return layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length));
}
