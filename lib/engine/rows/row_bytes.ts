import { agedRows, type CacheDtype, GROUP_ROWS, isFloat32, type VectorFormat } from "./cache_dtype.ts";

/** The bytes that a number of rows takes in a cache, as far as their number tells: which rows they are counts as well. */
export type RowBytes = (rows: number) => number;

/** Bytes of a key and a value in float32; their lengths differ in few models. */
export function floatRowBytes(headDim: number, valueDim: number = headDim): number {
  return (headDim + valueDim) * Float32Array.BYTES_PER_ELEMENT;
}

/** Rows of one kv head by how they are stored. */
export interface HeadCounts {
  /** Quantized rows. */
  readonly quantizedCount: number;
  /** Float32 rows. */
  readonly fullPrecisionCount: number;
  /** Groups of quantized rows whose channels share scales, of keys and of values together. */
  readonly quantizedGroups: number;
}

/**
 * Makes the function from rows to bytes for a cache with these heads. Rows count as float32 up to the number of float32
 * rows, beyond it as quantized, together with the scales that quantized rows share.
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
    // A group's scales are dropped with its last row: there are never more groups than quantized rows.
    return Math.min(rows, fullPrecision) * float + rest * quantizedRowBytes(cacheDtype, headDim) +
      Math.min(groups, (groupedParts(cacheDtype)) * rest) * grid;
  };
}

/** The most bytes that one row of a head takes by itself: as float32, or quantized with scales that no other row shares. */
export function loneRowBytes(cacheDtype: CacheDtype, headDim: number): number {
  const float = floatRowBytes(headDim);
  if (isFloat32(cacheDtype)) return float;
  const grids = groupedParts(cacheDtype) * 2 * headDim * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(float, quantizedRowBytes(cacheDtype, headDim) + grids);
}

/**
 * Bytes of a head of so many rows after {@linkcode KvCache.quantize}.
 *
 * @param valueDim length of a value, where it is not that of a key
 */
export function roundedBytes(
  rows: number,
  cacheDtype: CacheDtype,
  headDim: number,
  valueDim: number = headDim,
): number {
  const quantized = isFloat32(cacheDtype) ? 0 : agedRows(rows, cacheDtype);
  const grid = (format: VectorFormat, length: number) =>
    format.granularity === "channel" ? 2 * length * Float32Array.BYTES_PER_ELEMENT : 0;
  const groupBytes = grid(cacheDtype.keys, headDim) + grid(cacheDtype.values, valueDim);
  return (rows - quantized) * floatRowBytes(headDim, valueDim) +
    quantized * quantizedRowBytes(cacheDtype, headDim, valueDim) + Math.ceil(quantized / GROUP_ROWS) * groupBytes;
}

/**
 * The most bytes of so many rows a head on average after {@linkcode KvCache.quantize}, however a policy divides them among
 * heads: where channels share scales, each head may have a group all but full of rows that stay float32.
 */
export function unevenBytes(rows: number, cacheDtype: CacheDtype, headDim: number): number {
  const grouped = groupedParts(cacheDtype) > 0 ? GROUP_ROWS - 1 : 0;
  const quantized = isFloat32(cacheDtype) ? 0 : Math.max(0, rows - cacheDtype.residualLength - grouped);
  const grid = groupedParts(cacheDtype) * 2 * headDim * Float32Array.BYTES_PER_ELEMENT;
  return (rows - quantized) * floatRowBytes(headDim) + quantized * quantizedRowBytes(cacheDtype, headDim) +
    (quantized / GROUP_ROWS) * grid;
}

/** Bytes of a quantized key and value, with the scales and mins of these rows alone. */
export function quantizedRowBytes(
  { keys, values }: CacheDtype,
  headDim: number,
  valueDim: number = headDim,
): number {
  return vectorBytes(keys, headDim) + vectorBytes(values, valueDim);
}

function groupedParts({ keys, values }: CacheDtype): number {
  return [keys, values].filter(({ granularity }) => granularity === "channel").length;
}

/** Beside its codes, a vector by channel has the number of its group; by row it has a scale, and in int4 a min. */
function vectorBytes({ dtype, granularity }: VectorFormat, headDim: number): number {
  const scales = granularity === "channel" ? 4 : dtype === "int8" ? 4 : dtype === "int4" ? 8 : 0;
  return { f32: 4, f16: 2, int8: 1, int4: 0.5 }[dtype] * headDim + scales;
}
