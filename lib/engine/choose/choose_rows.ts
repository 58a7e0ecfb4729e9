import type { Vector } from "../../numeric/vectors.ts";
import { budgetForRatio, budgetForRows, headRows } from "../../policies/budget.ts";
import type { Budget, Choice, Head, Layer, Policy } from "../../policies/policy.ts";
import { checkChoice } from "../../policies/policy_rules.ts";
import { inRanges, type PositionRange } from "../rows/position_range.ts";
import type { RowBytes } from "../rows/row_bytes.ts";

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
function unpinnedRows(layers: readonly Layer[], pins: readonly PositionRange[]): UnpinnedRows {
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

/**
 * Chooses rows by a policy for a size. Policies that divide rows among heads may round up: for a size in bytes the
 * policy chooses again with a smaller budget until its rows fit.
 *
 * @param rowBytes bytes of a number of rows
 * @throws {RangeError} if the ratio, rows or bytes cannot be met, or the policy keeps a number of rows of its own
 */
export function chooseRows(policy: Policy, layers: readonly Layer[], to: CompressSize, rowBytes: RowBytes): Choice {
  const lengths = layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length));
  let budget = compressBudget(to, lengths, rowBytes);
  let choice = policy.choose(layers, budget);
  if (!("maxBytes" in to)) return choice;
  let bytes = rowBytes(rowsOf(choice));
  while (bytes > to.maxBytes) {
    const rowEach = rowBytes(rowsOf(choice)) - rowBytes(Math.max(0, rowsOf(choice) - lengths.length));
    const fewer = lowered(budget, Math.ceil((bytes - to.maxBytes) / rowEach), lengths);
    const again = policy.choose(layers, fewer);
    const less = rowBytes(rowsOf(again));
    if (less > to.maxBytes && (fewer.rows === 1 || less === bytes)) {
      throw new RangeError(
        `Cannot compress to ${to.maxBytes} bytes with ${policy.name} as it keeps ${less}: ` +
          `leave out its own numbers, or take a policy that follows a budget`,
      );
    }
    [budget, choice, bytes] = [fewer, again, less];
  }
  return choice;
}

function lowered(budget: Budget, rows: number, lengths: readonly number[]): Budget {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  return budgetForRows(longest, Math.max(1, budget.rows - rows));
}

function rowsOf(choice: Choice): number {
  return choice.flat().reduce((sum, { rows }) => sum + rows.length, 0);
}

/** The size that a compression keeps: a ratio of rows removed, rows a head, or bytes in all. */
export type CompressSize =
  | { readonly compressionRatio: number }
  | { readonly rows: number }
  | { readonly maxBytes: number };

/**
 * The budget for heads of these lengths.
 *
 * @param lengths rows of each head
 * @param rowBytes bytes of a number of rows
 * @throws {RangeError} if the ratio is outside [0, 1), the rows are below 1, or the bytes do not hold a row a head
 */
function compressBudget(to: CompressSize, lengths: readonly number[], rowBytes: RowBytes): Budget {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  if ("compressionRatio" in to) return budgetForRatio(longest, to.compressionRatio);
  if ("rows" in to) return budgetForRows(longest, to.rows);
  return budgetForBytes(to.maxBytes, lengths, longest, rowBytes);
}

/** The largest budget whose rows fit: more rows in the longest head never take fewer bytes in all. */
function budgetForBytes(maxBytes: number, lengths: readonly number[], longest: number, rowBytes: RowBytes): Budget {
  const bytes = (rows: number): number => {
    const budget = budgetForRows(longest, rows);
    return rowBytes(lengths.reduce((sum, length) => sum + headRows(budget, length, longest), 0));
  };
  if (!(maxBytes >= bytes(1))) {
    throw new RangeError(`Cannot compress to ${maxBytes} bytes as one row a head takes ${bytes(1)}`);
  }
  let [fits, tooMany] = [1, longest + 1];
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1;
    if (bytes(middle) <= maxBytes) fits = middle;
    else tooMany = middle;
  }
  return budgetForRows(longest, fits);
}
