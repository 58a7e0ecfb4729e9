import type { Vector } from "../../numeric/vectors.ts";
import { budgetForRatio, budgetForRows } from "../../policies/budget.ts";
import type { Choice, Head, Layer, Policy } from "../../policies/policy.ts";
import { checkChoice } from "../../policies/policy_rules.ts";
import { inRanges, type PositionRange } from "../rows/position_range.ts";
import type { RowBytes } from "../rows/row_bytes.ts";
import { chooseRows, type CompressSize } from "./choose_rows.ts";

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
  const unpinned = unpinnedRows(layers, pins);
  const pinned = unpinned.pinned.reduce((sum, rows) => sum + rows, 0);
  const besidePinned = (rows: number) => rowBytes(pinned + rows) - rowBytes(pinned);
  const size = sizeLeft(to, layers, unpinned, rowBytes(pinned), besidePinned);
  if (size === "none") {
    return unpinned.withPinned(layers.map(({ heads }) => heads.map(() => ({ rows: new Uint32Array(0) }))));
  }
  const choice = chooseRows(policy, unpinned.layers, size, besidePinned);
  checkChoice(choice, unpinned.layers, policy.name);
  return unpinned.withPinned(choice);
}

/** What of a size is left for rows that are not pinned, which take `taken` bytes; `none`: not a row a head. */
function sizeLeft(
  to: CompressSize,
  layers: readonly Layer[],
  { layers: unpinned, pinned }: UnpinnedRows,
  taken: number,
  rowBytes: RowBytes,
): CompressSize | "none" {
  const unpinnedLengths = lengthsOf(unpinned);
  if ("maxBytes" in to) {
    if (!(to.maxBytes >= taken)) throw tooManyPinned(`${to.maxBytes} bytes`, `${taken} bytes`);
    const least = rowBytes(unpinnedLengths.filter((length) => length > 0).length);
    const left = to.maxBytes - taken;
    return least === 0 || left < least ? "none" : { maxBytes: left };
  }
  const longest = Math.max(...lengthsOf(layers));
  const { ratio, rows } = "rows" in to ? budgetForRows(longest, to.rows) : budgetForRatio(longest, to.compressionRatio);
  if (ratio === 0) return { compressionRatio: 0 };
  const most = Math.max(...pinned);
  if (rows < most) throw tooManyPinned(`${rows} rows a head`, `${most}`);
  return rows === most || Math.max(...unpinnedLengths) === 0 ? "none" : { rows: rows - most };
}

function tooManyPinned(size: string, taken: string): RangeError {
  return new RangeError(`Cannot compress to ${size} as pinned rows take ${taken}: give at least that, or unpin some`);
}

function lengthsOf(layers: readonly Layer[]): number[] {
  return layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length));
}

/** A cache's rows without the pinned ones, as policies see them, and the way back. */
export interface UnpinnedRows {
  /** The layers, each head with those rows that may go. */
  readonly layers: readonly Layer[];
  /** Pinned rows of each head, `[layer · kv heads + kv head]`. */
  readonly pinned: readonly number[];
  /** What stays when `choice` of the loose rows does: these, and all pinned rows. */
  withPinned(choice: Choice): Choice;
}

/** Sets pinned rows aside. Policies never see them, so no policy has to know of pins. */
export function unpinnedRows(layers: readonly Layer[], pins: readonly PositionRange[]): UnpinnedRows {
  const places = layers.map(({ heads }) =>
    heads.map(({ positions }) => Uint32Array.from(positions.keys()).filter((row) => !inRanges(pins, positions[row])))
  );
  return {
    layers: layers.map((layer, index) => ({
      ...layer,
      heads: layer.heads.map((head, kvHead) => someRows(head, places[index][kvHead])),
    })),
    pinned: layers.flatMap(({ heads }, index) =>
      heads.map(({ positions }, kvHead) => positions.length - places[index][kvHead].length)
    ),
    withPinned: (choice) =>
      layers.map(({ heads }, index) =>
        heads.map(({ positions }, kvHead) => {
          const unpinned = places[index][kvHead];
          const stays = new Uint8Array(positions.length).fill(1);
          for (const row of unpinned) stays[row] = 0;
          for (const row of choice[index][kvHead].rows) stays[unpinned[row]] = 1;
          return { rows: Uint32Array.from(positions.keys()).filter((row) => stays[row] === 1) };
        })
      ),
  };
}

/** Some rows of a head, in their order. Signals that are no row's own stay as they are. */
function someRows(head: Head, rows: Uint32Array): Head {
  const count = head.positions.length;
  return {
    positions: Int32Array.from(rows, (row) => head.positions[row]),
    signal: (wanted) => {
      const signal = head.signal(wanted);
      return wanted === "queryMoments" || count === 0 ? signal : pickRows(signal, rows, signal.length / count);
    },
  };
}

function pickRows(signal: Vector, rows: Uint32Array, width: number): Vector {
  const picked = signal instanceof Float32Array
    ? new Float32Array(rows.length * width)
    : new Float64Array(rows.length * width);
  rows.forEach((row, index) => picked.set(signal.subarray(row * width, (row + 1) * width), index * width));
  return picked;
}
