import { budgetForRatio, budgetForRows, headRows } from "../../policies/budget.ts";
import type { Choice, Layer, Policy } from "../../policies/policy.ts";
import { checkChoice } from "../../policies/policy_rules.ts";
import { scoreOnce } from "../../policies/score_once.ts";
import { someRows } from "../../policies/some_rows.ts";
import { inRanges, type PositionRange } from "../rows/position_range.ts";
import type { RowBytes } from "../rows/row_bytes.ts";

/** Bytes of a cache's rows. */
export interface RowSizes {
  /** Of a number of rows, as far as their number tells. */
  readonly ofRows: RowBytes;
  /** Of a choice, `[layer][kv head]`. */
  readonly ofChoice: (choice: Choice) => number;
}

/**
 * Chooses rows by a policy where pinned rows stay and count towards the size: the policy sees the unpinned rows, and
 * chooses for the rest of the size.
 *
 * @throws {RangeError} if the pinned rows exceed the size, or {@linkcode chooseRows} throws
 */
export function chooseBesidePins(
  policy: Policy,
  layers: readonly Layer[],
  pins: readonly PositionRange[],
  to: CompressSize,
  sizes: RowSizes,
): Choice {
  if (pins.length === 0) return chooseRows(policy, layers, to, sizes);
  const unpinned = unpinnedRows(layers, pins);
  const pinned = unpinned.pinned.reduce((sum, rows) => sum + rows, 0);
  const alone = unpinned.withPinned(layers.map(({ heads }) => heads.map(() => ({ rows: new Uint32Array(0) }))));
  const left = sizeLeft(to, layers, unpinned, { pinned, bytes: sizes.ofChoice(alone) });
  if (left === "none") return alone;
  const beside: RowSizes = {
    ofRows: (rows) => sizes.ofRows(pinned + rows),
    ofChoice: (choice) => sizes.ofChoice(unpinned.withPinned(choice)),
  };
  const choice = chooseRows(policy, unpinned.layers, left, beside, "or none");
  if (choice === undefined) return alone;
  checkChoice(choice, unpinned.layers, policy.name);
  return unpinned.withPinned(choice);
}

/** The size for unpinned rows; `none` if it leaves them none. In bytes it stays the size of all rows. */
function sizeLeft(
  to: CompressSize,
  layers: readonly Layer[],
  { layers: unpinned, pinned }: UnpinnedRows,
  taken: { readonly pinned: number; readonly bytes: number },
): CompressSize | "none" {
  const unpinnedLengths = lengthsOf(unpinned);
  const longestUnpinned = Math.max(0, ...unpinnedLengths);
  if ("maxBytes" in to) {
    if (!(to.maxBytes >= taken.bytes)) throw tooManyPinned(`${to.maxBytes} bytes`, `${taken.bytes} bytes`);
    return longestUnpinned === 0 ? "none" : to;
  }
  if ("totalRows" in to) {
    if (!(to.totalRows >= taken.pinned)) throw tooManyPinned(`${to.totalRows} rows`, `${taken.pinned}`);
    return longestUnpinned === 0 ? "none" : { totalRows: to.totalRows - taken.pinned };
  }
  const longest = Math.max(...lengthsOf(layers));
  const { ratio, rows } = "rows" in to ? budgetForRows(longest, to.rows) : budgetForRatio(longest, to.compressionRatio);
  if (ratio === 0) return { compressionRatio: 0 };
  const most = Math.max(...pinned);
  if (rows < most) throw tooManyPinned(`${rows} rows a head`, `${most}`);
  return rows === most || longestUnpinned === 0 ? "none" : { rows: rows - most };
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

/** The size that a compression keeps: a ratio of rows removed, rows a head, rows of all heads, or bytes in all. */
export type CompressSize =
  | { readonly compressionRatio: number }
  | { readonly rows: number }
  | { readonly totalRows: number }
  | { readonly maxBytes: number };

/**
 * Chooses rows by a policy for a size. Where that is in bytes, or in rows of all heads, it is never passed: policies that
 * divide rows among heads may round up, and a lone row of a group takes the scales of all.
 *
 * @param least whether a size below one row a head is refused, or leaves none: undefined
 * @throws {RangeError} if the ratio, rows or bytes cannot be met, or the policy keeps a number of rows of its own
 */
export function chooseRows(policy: Policy, layers: readonly Layer[], to: CompressSize, sizes: RowSizes): Choice;
export function chooseRows(
  policy: Policy,
  layers: readonly Layer[],
  to: CompressSize,
  sizes: RowSizes,
  least: "or none",
): Choice | undefined;
export function chooseRows(
  policy: Policy,
  layers: readonly Layer[],
  to: CompressSize,
  sizes: RowSizes,
  least?: "or none",
): Choice | undefined {
  const lengths = lengthsOf(layers);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  if ("compressionRatio" in to) return policy.choose(layers, budgetForRatio(longest, to.compressionRatio));
  if ("rows" in to) return policy.choose(layers, budgetForRows(longest, to.rows));
  const limit = limitOf(to, sizes);
  const most = mostRows(limit, lengths, longest);
  const choice = policy.choose(layers, budgetForRows(longest, most));
  if (limit.ofChoice(choice) <= limit.most) return choice;
  const fewer = withFewerRows(policy, layers, limit, most);
  if (fewer === undefined && least === undefined) throw cannotKeep(policy, layers, limit);
  return fewer;
}

/** A size that no choice may pass, and what rows take of it. */
interface Limit extends RowSizes {
  readonly most: number;
  readonly unit: "bytes" | "rows";
}

function limitOf(to: { readonly maxBytes: number } | { readonly totalRows: number }, sizes: RowSizes): Limit {
  if ("maxBytes" in to) return { ...sizes, most: to.maxBytes, unit: "bytes" };
  return { ofRows: (rows) => rows, ofChoice: rowsOf, most: to.totalRows, unit: "rows" };
}

/** The most rows of the longest head whose number fits, at least 1: more rows in it never take less in all. */
function mostRows({ ofRows, most }: Limit, lengths: readonly number[], longest: number): number {
  const size = (rows: number): number => {
    const budget = budgetForRows(longest, rows);
    return ofRows(lengths.reduce((sum, length) => sum + headRows(budget, length, longest), 0));
  };
  let [fits, tooMany] = [1, longest + 1];
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1;
    if (size(middle) <= most) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

/** The choice with the most rows below `tooMany` that fits; undefined if none does. */
function withFewerRows(policy: Policy, layers: readonly Layer[], limit: Limit, tooMany: number): Choice | undefined {
  const longest = Math.max(...lengthsOf(layers));
  const once = scoreOnce(policy);
  let found: Choice | undefined;
  for (let [fits, over] = [0, tooMany]; over - fits > 1;) {
    const middle = (fits + over) >> 1;
    const choice = once.choose(layers, budgetForRows(longest, middle));
    if (limit.ofChoice(choice) <= limit.most) [fits, found] = [middle, choice];
    else over = middle;
  }
  return found;
}

function cannotKeep(policy: Policy, layers: readonly Layer[], { most, unit, ofChoice }: Limit): RangeError {
  const least = policy.choose(layers, budgetForRows(Math.max(...lengthsOf(layers)), 1));
  const size = unit === "bytes" ? `${most} bytes` : `${most} rows of all heads`;
  if (rowsOf(least) <= layers.reduce((sum, { heads }) => sum + heads.length, 0)) {
    return new RangeError(`Cannot compress to ${size} as one row a head takes ${ofChoice(least)}`);
  }
  return new RangeError(
    `Cannot compress to ${size} with ${policy.name} as it keeps ${ofChoice(least)}: ` +
      `leave out its own numbers, or take a policy that follows a budget`,
  );
}

function rowsOf(choice: Choice): number {
  return choice.flat().reduce((sum, { rows }) => sum + rows.length, 0);
}
