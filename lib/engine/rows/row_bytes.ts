import { agedRows, GROUP_ROWS, isFloatRows, type RowFormat, type VectorFormat } from "./cache_dtype.ts";

/** What some rows of a cache take at most, in bytes, whichever of them these are and however heads share them. */
export type RowBytes = (rows: number) => number;

/** Bytes of a key and a value in float32. */
export function floatRowBytes(headDim: number): number {
  return 2 * headDim * Float32Array.BYTES_PER_ELEMENT;
}

/** How the rows of one kv head are held. */
export interface HeadCounts {
  /** Rows that are packed. */
  readonly packedCount: number;
  /** Rows that are float32. */
  readonly looseCount: number;
  /** Groups of packed rows whose channels share scales, those of keys and of values. */
  readonly packedGroups: number;
}

/**
 * What rows of a cache take whose heads stand like this: as many as are float32 count as such, the others as packed, with
 * the scales that packed rows share.
 */
export function rowBytes(heads: readonly HeadCounts[], rowFormat: RowFormat, headDim: number): RowBytes {
  const float = floatRowBytes(headDim);
  const packed = heads.reduce((sum, { packedCount }) => sum + packedCount, 0);
  if (packed === 0) return (rows) => rows * float;
  const loose = heads.reduce((sum, { looseCount }) => sum + looseCount, 0);
  const groups = heads.reduce((sum, { packedGroups }) => sum + packedGroups, 0);
  const grid = 2 * headDim * Float32Array.BYTES_PER_ELEMENT;
  return (rows) => {
    const rest = Math.max(0, rows - loose);
    // A group's scales go with its last row: never more of them than rows that are packed.
    return Math.min(rows, loose) * float + rest * packedRowBytes(rowFormat, headDim) +
      Math.min(groups, (groupedParts(rowFormat)) * rest) * grid;
  };
}

/** What one head of so many rows takes once {@linkcode KvCache.quantise} rounded it, in bytes. */
export function roundedBytes(rows: number, format: RowFormat, headDim: number): number {
  const packed = isFloatRows(format) ? 0 : agedRows(rows, format);
  const groups = groupedParts(format) * Math.ceil(packed / GROUP_ROWS);
  return (rows - packed) * floatRowBytes(headDim) + packed * packedRowBytes(format, headDim) +
    groups * 2 * headDim * Float32Array.BYTES_PER_ELEMENT;
}

/** Bytes of a packed key and value, with the scales that are theirs alone. */
export function packedRowBytes({ keys, values }: RowFormat, headDim: number): number {
  return vectorBytes(keys, headDim) + vectorBytes(values, headDim);
}

function groupedParts({ keys, values }: RowFormat): number {
  return [keys, values].filter(({ granularity }) => granularity === "channel").length;
}

/** By channel, a vector has the number of its group besides; by row a scale, and int4 a minimum. */
function vectorBytes({ dtype, granularity }: VectorFormat, headDim: number): number {
  const scales = granularity === "channel" ? 4 : dtype === "int8" ? 4 : dtype === "int4" ? 8 : 0;
  return { f32: 4, f16: 2, int8: 1, int4: 0.5 }[dtype] * headDim + scales;
}
