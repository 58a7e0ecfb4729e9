import type { CacheShape } from "../../engine/mod.ts";
import { isFloatRows, type RowFormat, rowFormat, rowFormatName } from "../../engine/rows/cache_dtype.ts";
import { tokenBytes } from "../../engine/rows/cache_shape.ts";
import { roundedBytes } from "../../engine/rows/row_bytes.ts";
import { keptRows } from "../../policies/budget.ts";
import { policy } from "../../policies/table.ts";
import { armName, type EvaluationArm } from "../run/setting.ts";

/** An arm among others that take as many bytes. */
export interface EqualByteArm extends EvaluationArm {
  /** The arm's name, as cells have it. */
  readonly name: string;
  /** The policy's name alone. */
  readonly evicts: string;
  /** The row format's name. */
  readonly format: string;
  /** Bytes that it may take, as a share of what all rows take in float32. */
  readonly share: number;
}

/** What {@linkcode equalByteArms} combines. */
export interface EqualByteGrid {
  /** Bytes of the cache as shares of those of all rows in float32, each in (0, 1). */
  readonly shares: readonly number[];
  /** Policies by name. */
  readonly policies: readonly string[];
  /** Row formats by name, as `rowFormat` reads them. */
  readonly formats: readonly string[];
}

/**
 * Evict, round, or both: for each share of the bytes, every row format with as many rows as fit then, chosen by every
 * policy. A format in which all rows fit evicts nothing and comes once a share.
 *
 * @param context tokens of the texts
 * @throws {RangeError} if a share holds no row, or there is no such policy
 * @throws {SyntaxError} if there is no such row format
 */
export function equalByteArms(shape: CacheShape, context: number, grid: EqualByteGrid): EqualByteArm[] {
  return grid.shares.flatMap((share) =>
    grid.formats.map((name) => rowFormat(name)).flatMap((format) => {
      const compressionRatio = ratioFor(share * context * tokenBytes(shape), context, shape, format);
      const names = compressionRatio === 0 ? ["keep_all"] : grid.policies;
      return names.map((evicts) => equalByteArm(evicts, format, compressionRatio, share));
    })
  );
}

function equalByteArm(evicts: string, format: RowFormat, compressionRatio: number, share: number): EqualByteArm {
  const method = { policy: policy(evicts), ...(isFloatRows(format) ? {} : { rows: format }) };
  return { ...method, compressionRatio, share, evicts, format: rowFormatName(format), name: armName(method) };
}

/**
 * The fraction of rows that has to go for a text to fit: 0 where it fits as it is.
 *
 * @param format how rows are held; the newest stay float32
 * @throws {RangeError} if not even one token fits
 */
export function ratioFor(maxBytes: number, context: number, shape: CacheShape, format: RowFormat): number {
  const token = tokenBytes(shape);
  if (maxBytes < token) {
    throw new RangeError(
      `Cannot keep a text in ${maxBytes} bytes as one token takes ${token}: give more memory, or a smaller model`,
    );
  }
  const heads = shape.layerCount * shape.kvHeadCount;
  let rows = context;
  while (rows > 0 && heads * roundedBytes(rows, format, shape.headDim) > maxBytes) rows--;
  if (rows >= context) return 0;
  // Four digits where these leave just as many rows, else a ratio in the middle of those that do.
  const digits = Math.ceil((1 - rows / context) * 1e4);
  const short = [digits / 1e4, (digits - 1) / 1e4].find((ratio) => keptRows(context, ratio) === rows);
  return short ?? 1 - (rows + 0.5) / context;
}
