import { agedRows, type CacheDtype, GROUP_ROWS, isFloat32, type VectorFormat } from "./cache_dtype.ts";

/** What some rows of a cache take at most, in bytes, whichever of them these are and however heads share them. */
export type RowBytes = (rows: number) => number;

/** Bytes of a key and a value in float32. */
export function floatRowBytes(headDim: number): number {
  return 2 * headDim * Float32Array.BYTES_PER_ELEMENT;
}

/** How the rows of one kv head are held. */
export interface HeadCounts {
  /** Rows that are packed. */
  readonly quantizedCount: number;
  /** Rows that are float32. */
  readonly fullPrecisionCount: number;
  /** Groups of packed rows whose channels share scales, those of keys and of values. */
  readonly quantizedGroups: number;
}

/**
 * What rows of a cache take whose heads stand like this: as many as are float32 count as such, the others as packed, with
 * the scales that packed rows share.
 */
export function rowBytes(heads: readonly HeadCounts[], cacheDtype: CacheDtype, headDim: number): RowBytes {
  const float = floatRowBytes(headDim);
  const quantized = heads.reduce((sum, { quantizedCount }) => sum + quantizedCount, 0);
  if (quantized === 0) return (rows) => rows * float;
  const fullPrecision = heads.reduce((sum, { fullPrecisionCount }) => sum + fullPrecisionCount, 0);
  const groups = heads.reduce((sum, { quantizedGroups }) => sum + quantizedGroups, 0);
  const grid = 2 * headDim * Float32Array.BYTES_PER_ELEMENT;
  return (rows) => {
    const rest = Math.max(0, rows - fullPrecision);
    // A group's scales go with its last row: never more of them than rows that are packed.
    return Math.min(rows, fullPrecision) * float + rest * quantizedRowBytes(cacheDtype, headDim) +
      Math.min(groups, (groupedParts(cacheDtype)) * rest) * grid;
  };
}

/** What one head of so many rows takes once {@linkcode KvCache.quantize} rounded it, in bytes. */
export function roundedBytes(rows: number, cacheDtype: CacheDtype, headDim: number): number {
  const quantized = isFloat32(cacheDtype) ? 0 : agedRows(rows, cacheDtype);
  const groups = groupedParts(cacheDtype) * Math.ceil(quantized / GROUP_ROWS);
  return (rows - quantized) * floatRowBytes(headDim) + quantized * quantizedRowBytes(cacheDtype, headDim) +
    groups * 2 * headDim * Float32Array.BYTES_PER_ELEMENT;
}

/** Bytes of a packed key and value, with the scales that are theirs alone. */
export function quantizedRowBytes({ keys, values }: CacheDtype, headDim: number): number {
  return vectorBytes(keys, headDim) + vectorBytes(values, headDim);
}

function groupedParts({ keys, values }: CacheDtype): number {
  return [keys, values].filter(({ granularity }) => granularity === "channel").length;
}

/** By channel, a vector has the number of its group besides; by row a scale, and int4 a minimum. */
function vectorBytes({ dtype, granularity }: VectorFormat, headDim: number): number {
  const scales = granularity === "channel" ? 4 : dtype === "int8" ? 4 : dtype === "int4" ? 8 : 0;
  return { f32: 4, f16: 2, int8: 1, int4: 0.5 }[dtype] * headDim + scales;
}
