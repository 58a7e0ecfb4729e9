import { isFloatRows, type RowFormat, rowFormat, rowFormatName } from "../engine/row_format.ts";
import { tokenBytes } from "../engine/token_bytes.ts";
import type { CacheShape } from "../engine/mod.ts";
import { policy } from "../policies/table.ts";
import { armName } from "./arm_name.ts";
import type { EvaluationArm } from "./evaluate_context.ts";
import { ratioFor } from "./ratio_for.ts";

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
