import { budgetForRatio, budgetForRows } from "../policies/budget.ts";
import type { Choice, Layer, Policy } from "../policies/policy.ts";
import { checkChoice } from "./check_choice.ts";
import { chooseRows } from "./choose_rows.ts";
import type { CompressSize } from "./compress_budget.ts";
import { type LooseRows, looseRows } from "./pinned_rows.ts";
import type { PositionRange } from "./position_range.ts";
import type { RowBytes } from "./row_bytes.ts";

/**
 * Has a policy choose rows for a size that pinned rows count towards: it sees the others, and gets what is left.
 *
 * @param rowBytes what rows take
 * @throws {RangeError} if the pinned rows alone are more than the size, or {@linkcode chooseRows} refuses it
 */
export function chooseBesidePins(
  policy: Policy,
  layers: readonly Layer[],
  pins: readonly PositionRange[],
  to: CompressSize,
  rowBytes: RowBytes,
): Choice {
  if (pins.length === 0) return chooseRows(policy, layers, to, rowBytes);
  const loose = looseRows(layers, pins);
  const pinned = loose.pinned.reduce((sum, rows) => sum + rows, 0);
  const besidePinned = (rows: number) => rowBytes(pinned + rows) - rowBytes(pinned);
  const size = sizeLeft(to, layers, loose, rowBytes(pinned), besidePinned);
  if (size === "none") {
    return loose.withPinned(layers.map(({ heads }) => heads.map(() => ({ rows: new Uint32Array(0) }))));
  }
  const choice = chooseRows(policy, loose.layers, size, besidePinned);
  checkChoice(choice, loose.layers, policy.name);
  return loose.withPinned(choice);
}

/** What of a size is left for rows that are not pinned, which take `taken` bytes; `none`: not a row a head. */
function sizeLeft(
  to: CompressSize,
  layers: readonly Layer[],
  { layers: loose, pinned }: LooseRows,
  taken: number,
  rowBytes: RowBytes,
): CompressSize | "none" {
  const looseLengths = lengthsOf(loose);
  if ("maxBytes" in to) {
    if (!(to.maxBytes >= taken)) throw tooManyPinned(`${to.maxBytes} bytes`, `${taken} bytes`);
    const least = rowBytes(looseLengths.filter((length) => length > 0).length);
    const left = to.maxBytes - taken;
    return least === 0 || left < least ? "none" : { maxBytes: left };
  }
  const longest = Math.max(...lengthsOf(layers));
  const { ratio, rows } = "rows" in to ? budgetForRows(longest, to.rows) : budgetForRatio(longest, to.compressionRatio);
  if (ratio === 0) return { compressionRatio: 0 };
  const most = Math.max(...pinned);
  if (rows < most) throw tooManyPinned(`${rows} rows a head`, `${most}`);
  return rows === most || Math.max(...looseLengths) === 0 ? "none" : { rows: rows - most };
}

function tooManyPinned(size: string, taken: string): RangeError {
  return new RangeError(`Cannot compress to ${size} as pinned rows take ${taken}: give at least that, or unpin some`);
}

function lengthsOf(layers: readonly Layer[]): number[] {
  return layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length));
}
