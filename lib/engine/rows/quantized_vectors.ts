import { float16ToFloat32, float32ToFloat16 } from "../../numeric/half.ts";
import { GROUP_ROWS, type VectorFormat } from "./cache_dtype.ts";

/**
 * Quantized vectors of one kv head. They are never changed in place, so that caches may share them.
 *
 * A number is `code · scale + min`. For int8 by row the min is −128 · scale and is not stored.
 */
export interface QuantizedVectors {
  /** The format of every vector. */
  readonly format: VectorFormat;
  /** Numbers of a vector. */
  readonly headDim: number;
  /** Vectors. */
  readonly count: number;
  /**
   * `[count, head_dim]`: float32 numbers, float16 bits, or codes of 8 bits. Codes of 4 bits stand two in a byte: that
   * of dimension j low, that of dimension j + head_dim / 2 high.
   */
  readonly codes: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  /** By row: `[count]`; by channel: `[groups, head_dim]`; for floats: empty. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** In the shape of `scales`; empty where no min is stored. */
  readonly mins: Float32Array<ArrayBuffer>;
  /** By channel: the group of each vector, `[count]`; else empty. */
  readonly groups: Int32Array<ArrayBuffer>;
}

/** The code of zero in int8 by row. */
export const INT8_ZERO = 128;

/** Groups of vectors whose channels share scales; 0 in other formats. */
export function groupCount(vectors: QuantizedVectors | undefined): number {
  return vectors?.format.granularity === "channel" ? vectors.scales.length / vectors.headDim : 0;
}

/** Quantized vectors of zeros, to be filled. */
export function emptyVectors(format: VectorFormat, headDim: number, count: number, groups: number): QuantizedVectors {
  const { dtype, granularity } = format;
  const numbers = count * headDim;
  const scales = dtype === "f32" || dtype === "f16" ? 0 : granularity === "channel" ? groups * headDim : count;
  return {
    format,
    headDim,
    count,
    codes: dtype === "f32"
      ? new Float32Array(numbers)
      : dtype === "f16"
      ? new Uint16Array(numbers)
      : new Uint8Array(dtype === "int8" ? numbers : numbers / 2),
    scales: new Float32Array(scales),
    mins: new Float32Array(hasMins(format) ? scales : 0),
    groups: new Int32Array(granularity === "channel" ? count : 0),
  };
}

/** The vectors from `first` on: views. */
export function vectorsFrom(vectors: QuantizedVectors, first: number): QuantizedVectors {
  if (first === 0) return vectors;
  const { format: { granularity }, count, codes, scales, mins, groups } = vectors;
  const byRow = <Numbers extends QuantizedVectors["scales" | "codes" | "groups"]>(numbers: Numbers) =>
    numbers.subarray(first * (numbers.length / count)) as Numbers;
  return {
    ...vectors,
    count: count - first,
    codes: byRow(codes),
    scales: granularity === "row" ? byRow(scales) : scales,
    mins: granularity === "row" ? byRow(mins) : mins,
    groups: byRow(groups),
  };
}

/** Whether codes count from a min; int8 by row counts from the middle. */
function hasMins({ dtype, granularity }: VectorFormat): boolean {
  return dtype === "int4" || (dtype === "int8" && granularity === "channel");
}

/** Bytes of codes, scales, mins and groups. */
export function quantizedBytes(
  { codes, scales, mins, groups }: Pick<QuantizedVectors, "codes" | "scales" | "mins" | "groups">,
): number {
  return codes.byteLength + scales.byteLength + mins.byteLength + groups.byteLength;
}

/** Bytes of some vectors, ascending, picked by {@linkcode pickQuantized}: scales that none of them uses are dropped. */
export function pickedBytes(
  { headDim, count, codes, scales, mins, groups }: QuantizedVectors,
  rows: Uint32Array,
): number {
  if (rows.length === count) return quantizedBytes({ codes, scales, mins, groups });
  const codeBytes = rows.length * (codes.byteLength / count);
  if (groups.length === 0) return codeBytes + rows.length * ((scales.byteLength + mins.byteLength) / count);
  let used = 0;
  // Groups ascend with the rows.
  for (let at = 0; at < rows.length; at++) if (at === 0 || groups[rows[at]] !== groups[rows[at - 1]]) used++;
  return codeBytes + rows.length * groups.BYTES_PER_ELEMENT + used * 2 * headDim * scales.BYTES_PER_ELEMENT;
}

/**
 * Quantizes vectors to a format.
 *
 * @param values `[count, head_dim]`
 */
export function quantizeVectors(values: Float32Array, format: VectorFormat, headDim: number): QuantizedVectors {
  const count = values.length / headDim;
  const { dtype, granularity } = format;
  if (dtype === "f16") {
    return { ...EMPTY, format, headDim, count, codes: float32ToFloat16(values) as Uint16Array<ArrayBuffer> };
  }
  if (dtype === "f32") return { ...EMPTY, format, headDim, count, codes: values.slice() };
  const raw = new Uint8Array(values.length);
  const top = dtype === "int8" ? 255 : 15;
  const codes = dtype === "int8" ? raw : new Uint8Array(raw.length / 2);
  const grid = granularity === "channel"
    ? channelGrid(values, headDim, top)
    : dtype === "int8"
    ? symmetricGrid(values, headDim)
    : rowGrid(values, headDim, top);
  roundToCodes(values, raw, grid, headDim, top);
  if (dtype === "int4") packNibbles(raw, codes, headDim);
  return {
    format,
    headDim,
    count,
    codes,
    scales: grid.scales,
    mins: hasMins(format) ? grid.mins : EMPTY.mins,
    groups: granularity === "channel"
      ? Int32Array.from({ length: count }, (_, row) => Math.floor(row / GROUP_ROWS))
      : EMPTY.groups,
  };
}

/** Dequantizes vectors to float32, `[count, head_dim]`. */
export function dequantizeVectors(quantized: QuantizedVectors): Float32Array<ArrayBuffer> {
  const { format: { dtype, granularity }, headDim, count, codes, scales, mins, groups } = quantized;
  const values = new Float32Array(count * headDim);
  if (dtype === "f32") {
    values.set(codes);
    return values;
  }
  if (dtype === "f16") {
    float16ToFloat32(codes as Uint16Array, values);
    return values;
  }
  const raw = dtype === "int8" ? codes : unpackNibbles(codes, headDim);
  const step = granularity === "channel" ? 1 : 0;
  for (let row = 0; row < count; row++) {
    let index = granularity === "channel" ? groups[row] * headDim : row;
    for (let at = row * headDim; at < (row + 1) * headDim; at++, index += step) {
      values[at] = mins.length > 0
        ? Math.fround(raw[at] * scales[index]) + mins[index]
        : (raw[at] - INT8_ZERO) * scales[index];
    }
  }
  return values;
}

/** Concatenates vectors of one format. */
export function joinQuantized(one: QuantizedVectors, other: QuantizedVectors): QuantizedVectors {
  if (one.count === 0) return other;
  const first = one.format.granularity === "channel" ? one.scales.length / one.headDim : 0;
  return {
    ...one,
    count: one.count + other.count,
    codes: joined(one.codes, other.codes),
    scales: joined(one.scales, other.scales),
    mins: joined(one.mins, other.mins),
    groups: joined(one.groups, other.groups.map((group) => group + first)),
  };
}

/** Picks vectors, without rounding them again; scales that no picked vector uses are dropped. `rows` ascend. */
export function pickQuantized(quantized: QuantizedVectors, rows: Uint32Array): QuantizedVectors {
  const { headDim, count, codes, scales, mins, groups } = quantized;
  if (rows.length === count) return quantized;
  const width = count === 0 ? 0 : codes.length / count;
  const picked = { ...quantized, count: rows.length, codes: pickRows(codes, rows, width) };
  if (groups.length === 0) {
    return {
      ...picked,
      scales: pickRows(scales, rows, scales.length === 0 ? 0 : 1),
      mins: pickRows(mins, rows, mins.length === 0 ? 0 : 1),
    };
  }
  const used = Uint32Array.from(new Set(Array.from(rows, (row) => groups[row])));
  const newGroup = new Map([...used].map((group, index) => [group, index]));
  return {
    ...picked,
    scales: pickRows(scales, used, headDim),
    mins: pickRows(mins, used, headDim),
    groups: Int32Array.from(rows, (row) => newGroup.get(groups[row])!),
  };
}

const EMPTY = { scales: new Float32Array(0), mins: new Float32Array(0), groups: new Int32Array(0) };

/** Scales and mins: `[rows]` by row, `[groups, head_dim]` by channel. */
interface Grid {
  readonly scales: Float32Array<ArrayBuffer>;
  readonly mins: Float32Array<ArrayBuffer>;
  readonly by: VectorFormat["granularity"];
}

function symmetricGrid(values: Float32Array, headDim: number): Grid {
  const scales = new Float32Array(values.length / headDim);
  for (let row = 0; row < scales.length; row++) {
    let largest = 0;
    for (let at = row * headDim; at < (row + 1) * headDim; at++) {
      const size = Math.abs(values[at]);
      if (size > largest) largest = size;
    }
    scales[row] = largest / 127;
  }
  return { scales, mins: scales.map((scale) => -INT8_ZERO * scale), by: "row" };
}

function rowGrid(values: Float32Array, headDim: number, top: number): Grid {
  const scales = new Float32Array(values.length / headDim);
  const mins = new Float32Array(scales.length);
  for (let row = 0; row < scales.length; row++) {
    const [low, high] = extent(values, row * headDim, (row + 1) * headDim, 1);
    scales[row] = (high - low) / top;
    mins[row] = low;
  }
  return { scales, mins, by: "row" };
}

function channelGrid(values: Float32Array, headDim: number, top: number): Grid {
  const rows = values.length / headDim;
  const scales = new Float32Array(Math.ceil(rows / GROUP_ROWS) * headDim);
  const mins = new Float32Array(scales.length);
  for (let at = 0; at < scales.length; at++) {
    const [group, column] = [Math.floor(at / headDim), at % headDim];
    const end = Math.min(rows, (group + 1) * GROUP_ROWS) * headDim;
    const [low, high] = extent(values, group * GROUP_ROWS * headDim + column, end, headDim);
    scales[at] = (high - low) / top;
    mins[at] = low;
  }
  return { scales, mins, by: "channel" };
}

function extent(values: Float32Array, start: number, end: number, step: number): [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity];
  for (let at = start; at < end; at += step) {
    const value = values[at];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function roundToCodes(
  values: Float32Array,
  raw: Uint8Array,
  { scales, mins, by }: Grid,
  headDim: number,
  top: number,
): void {
  for (let row = 0; row * headDim < values.length; row++) {
    const group = by === "row" ? row : Math.floor(row / GROUP_ROWS) * headDim;
    const step = by === "row" ? 0 : 1;
    for (let column = 0, index = group; column < headDim; column++, index += step) {
      const at = row * headDim + column;
      const scale = scales[index];
      const code = scale === 0 ? 0 : Math.floor((values[at] - mins[index]) / scale + 0.5);
      raw[at] = code < 0 ? 0 : code > top ? top : code;
    }
  }
}

/** Puts two 4-bit codes in a byte: the first half of a vector low, the second half high. */
function packNibbles(raw: Uint8Array, codes: Uint8Array, headDim: number): void {
  const half = headDim / 2;
  for (let at = 0, from = 0; at < codes.length; from += half) {
    for (let column = 0; column < half; column++, at++, from++) codes[at] = raw[from] | (raw[from + half] << 4);
  }
}

/** Undoes {@linkcode packNibbles}. */
function unpackNibbles(codes: ArrayLike<number>, headDim: number): Uint8Array {
  const half = headDim / 2;
  const raw = new Uint8Array(2 * codes.length);
  for (let at = 0, to = 0; at < codes.length; to += half) {
    for (let column = 0; column < half; column++, at++, to++) {
      raw[to] = codes[at] & 15;
      raw[to + half] = codes[at] >> 4;
    }
  }
  return raw;
}

type Numbers = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

function joined<N extends Numbers>(one: N, other: N): N {
  const both = new (one.constructor as new (length: number) => N)(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

function pickRows<N extends Numbers>(numbers: N, rows: Uint32Array, width: number): N {
  const picked = new (numbers.constructor as new (length: number) => N)(rows.length * width);
  for (let to = 0; to < rows.length; to++) {
    const from = rows[to] * width;
    for (let at = 0; at < width; at++) picked[to * width + at] = numbers[from + at];
  }
  return picked;
}
