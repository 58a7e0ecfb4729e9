import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import type { CacheShape } from "../../engine/mod.ts";
import { type CacheDtype, cacheDtypeName, isFloat32, parseCacheDtype } from "../../engine/rows/cache_dtype.ts";
import { evictableLayers, textBytes, tokenBytes } from "../../engine/rows/cache_shape.ts";
import { roundedBytes, unevenBytes } from "../../engine/rows/row_bytes.ts";
import { keptRows } from "../../policies/budget.ts";
import { keepAll } from "../../policies/keep_all.ts";
import type { Policy } from "../../policies/policy.ts";
import { policy } from "../../policies/table.ts";
import { type Setting, settingName } from "../run/setting.ts";

/** A setting among others that take as many bytes. */
export interface EqualByteSetting extends Setting<Policy> {
  /** The setting's name for its policy, as samples have it. */
  readonly name: string;
  /** The policy's name alone. */
  readonly evicts: string;
  /** The cache dtype's name. */
  readonly cacheDtypeName: string;
  /** Bytes that it may take, as a share of what all rows take in float32. */
  readonly share: number;
}

/** What {@linkcode equalByteSettings} combines. */
export interface EqualByteGrid {
  /** Bytes of the cache as shares of those of all rows in float32, each in (0, 1). */
  readonly shares: readonly number[];
  /** Policies by name. */
  readonly policies: readonly string[];
  /** Cache dtypes by name, as `parseCacheDtype` reads them. */
  readonly cacheDtypes: readonly string[];
}

const EQUAL_BYTE_GRID: OptionNames<EqualByteGrid> = { shares: true, policies: true, cacheDtypes: true };

/**
 * Evict, quantize, or both: for each share of the bytes, every cache dtype with as many rows as fit then, chosen by every
 * policy. A dtype in which all rows fit evicts nothing and comes once a share.
 *
 * @param context tokens of the texts
 * @throws {RangeError} if a share holds no row, or there is no such policy
 * @throws {SyntaxError} if there is no such cache dtype
 */
export function equalByteSettings(shape: CacheShape, context: number, grid: EqualByteGrid): EqualByteSetting[] {
  checkOptions("equalByteSettings", grid, EQUAL_BYTE_GRID);
  return grid.shares.flatMap((share) =>
    grid.cacheDtypes.map((name) => parseCacheDtype(name)).flatMap((cacheDtype) => {
      const bytes = share * textBytes(shape, context);
      if (ratioFor(bytes, context, shape, cacheDtype) === 0) {
        return [equalByteSetting("keep_all", cacheDtype, 0, share)];
      }
      return grid.policies.map((evicts) =>
        equalByteSetting(evicts, cacheDtype, ratioFor(bytes, context, shape, cacheDtype, policy(evicts)), share)
      );
    })
  );
}

function equalByteSetting(
  evicts: string,
  cacheDtype: CacheDtype,
  compressionRatio: number,
  share: number,
): EqualByteSetting {
  const setting = { policy: policy(evicts), compressionRatio, ...(isFloat32(cacheDtype) ? {} : { cacheDtype }) };
  return {
    ...setting,
    share,
    evicts,
    cacheDtypeName: cacheDtypeName(cacheDtype),
    name: settingName(setting).policy,
  };
}

/** Rows of a head of `length` that stay at a ratio, however a policy rounds that. */
function mostKept(chooser: Policy, length: number, ratio: number): number {
  const rows = keptRows(length, ratio);
  const { select } = chooser.definition ?? {};
  if (select === undefined) return rows;
  const [kept] = select([new Float64Array(length)], Uint32Array.of(rows), { ratio, rows });
  return Math.max(rows, kept.length);
}

/**
 * The fraction of rows that has to go for a text to fit: 0 where it fits as it is.
 *
 * @param cacheDtype how rows are held; the newest stay float32
 * @param chooser who chooses the rows: one that divides them among heads fits however it does, which takes some rows more
 * @throws {RangeError} if not even one token fits
 */
export function ratioFor(
  maxBytes: number,
  context: number,
  shape: CacheShape,
  cacheDtype: CacheDtype,
  chooser: Policy = keepAll(),
): number {
  const { kvHeadCount, headDim, windows } = shape;
  const layers = evictableLayers(shape);
  const bytes = (rows: number) => kvHeadCount * roundedBytes(rows, cacheDtype, headDim);
  // Rows in windows stay, where policies do not choose among them.
  const inWindows = windows.reduce(
    (sum, window, layer) => layers.includes(layer) ? sum : sum + bytes(Math.min(window, context)),
    0,
  );
  const token = inWindows + tokenBytes(shape);
  if (maxBytes < token) {
    throw new RangeError(
      `Cannot keep a text in ${maxBytes} bytes as one token takes ${token}: give more memory, or a smaller model`,
    );
  }
  if (inWindows + layers.length * bytes(context) <= maxBytes) return 0;
  const divides = chooser.definition?.allocate !== undefined || chooser.definition?.select !== undefined;
  // Who divides rows, or keeps whole chunks, rounds for each head: a group of rows may be left unfilled.
  const most = (rows: number) => divides ? kvHeadCount * unevenBytes(rows + 1, cacheDtype, headDim) : bytes(rows);
  let rows = context - 1;
  const fits = () => inWindows + layers.length * most(mostKept(chooser, context, ratioOf(rows, context))) <= maxBytes;
  while (rows > 1 && !fits()) rows--;
  return ratioOf(rows, context);
}

/** The ratio that leaves so many rows: four digits where these do, else in the middle of those that do. */
function ratioOf(rows: number, context: number): number {
  const digits = Math.ceil((1 - rows / context) * 1e4);
  const short = [digits / 1e4, (digits - 1) / 1e4].find((ratio) => ratio < 1 && keptRows(context, ratio) === rows);
  return short ?? 1 - (rows + 0.5) / context;
}
