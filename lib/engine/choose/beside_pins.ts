import type { Vector } from "../../numeric/vectors.ts";
import { budgetForRatio, budgetForRows } from "../../policies/budget.ts";
import type { Choice, Head, Layer, Policy } from "../../policies/policy.ts";
import { checkChoice } from "../../policies/policy_rules.ts";
import { inRanges, type PositionRange } from "../rows/position_range.ts";
import type { RowBytes } from "../rows/row_bytes.ts";
import { chooseRows, type CompressSize } from "./choose_rows.ts";

/**
 * Chooses rows by a policy where pinned rows stay and count towards the size: the policy sees the unpinned rows, and
 * chooses for the rest of the size.
 *
 * @param rowBytes bytes of a number of rows
 * @throws {RangeError} if the pinned rows exceed the size, or {@linkcode chooseRows} throws
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

/** The rest of a size beside pinned rows, which take `taken` bytes; `none` if it is less than a row a head. */
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

/** A cache's unpinned rows, as policies see them, and the way back to all rows. */
export interface UnpinnedRows {
  /** The layers, each head with its unpinned rows. */
  readonly layers: readonly Layer[];
  /** Pinned rows of each head, `[layer · kv heads + kv head]`. */
  readonly pinned: readonly number[];
  /** The choice among all rows: the chosen unpinned rows, and every pinned row. */
  withPinned(choice: Choice): Choice;
}

/** Sets pinned rows aside. Policies never see them, so that no policy handles pins. */
export function unpinnedRows(layers: readonly Layer[], pins: readonly PositionRange[]): UnpinnedRows {
  const unpinned = layers.map(({ heads }) =>
    heads.map(({ positions }) => Uint32Array.from(positions.keys()).filter((row) => !inRanges(pins, positions[row])))
  );
  return {
    layers: layers.map((layer, index) => ({
      ...layer,
      heads: layer.heads.map((head, kvHead) => someRows(head, unpinned[index][kvHead])),
    })),
    pinned: layers.flatMap(({ heads }, index) =>
      heads.map(({ positions }, kvHead) => positions.length - unpinned[index][kvHead].length)
    ),
    withPinned: (choice) =>
      layers.map(({ heads }, index) =>
        heads.map(({ positions }, kvHead) => {
          const mayGo = unpinned[index][kvHead];
          const stays = new Uint8Array(positions.length).fill(1);
          for (const row of mayGo) stays[row] = 0;
          for (const row of choice[index][kvHead].rows) stays[mayGo[row]] = 1;
          return { rows: Uint32Array.from(positions.keys()).filter((row) => stays[row] === 1) };
        })
      ),
  };
}

/** Some rows of a head, in their order. Signals that have no row axis stay whole. */
function someRows(head: Head, rows: Uint32Array): Head {
  const count = head.positions.length;
  return {
    positions: Int32Array.from(rows, (row) => head.positions[row]),
    signal: (signal) => {
      const values = head.signal(signal);
      return signal === "queryMoments" || count === 0 ? values : pickRows(values, rows, values.length / count);
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
