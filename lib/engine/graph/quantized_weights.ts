import type { BlockLayout, StoredBlocks } from "../checkpoint/quantized_blocks.ts";
import { type RowSpan, TENSOR_FORMATS } from "../checkpoint/tensor_format.ts";

/** Numbers of a row that share a scale, where a matrix is quantized here. */
const BLOCK_LENGTH = 32;

/** Quantized formats of matrices: blocks of whole numbers in each row. */
export interface BlockFormat {
  /** Bits of a code. */
  readonly bits: 4 | 8;
  /** Numbers of a row that share a scale, a power of two of at least 16; a row's last block may be filled up with zeros. */
  readonly blockLength: number;
  /** Whether each block has a zero point of its own, or all of them the middle code: 8 of 16, 128 of 256. */
  readonly zeroPoints: "stored" | "middle";
  /** Whether each block has a number that is added to all of its values. */
  readonly mins: "stored" | "none";
  /** Quantizes rows of a matrix; those of other rows make no difference. */
  quantize(part: MatrixPart, rows: RowSpan): QuantizedBlocks;
}

/** Rows of a matrix that are stored as one tensor, `[rows, columns]`. */
export interface MatrixPart {
  readonly rows: number;
  readonly columns: number;
  /** The type that it is stored in. */
  readonly dtype: string;
  /** Some rows' numbers, row-major. */
  read(rows: RowSpan): Float32Array<ArrayBuffer>;
  /** Some rows as they are stored; undefined where they are floats. */
  readBlocks(rows: RowSpan): StoredBlocks | undefined;
}

/** A matrix in blocks: value = (code − zero point) · scale + min. */
export interface QuantizedBlocks {
  /** `[rows, blocks, block length · bits / 8]`: for 4 bits, values 2j and 2j + 1 share a byte, the even one low. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** `[rows, blocks]` */
  readonly scales: Float32Array<ArrayBuffer>;
  /** `[rows, ceil(blocks / 2)]`, two of 4 bits a byte, the even block's low. */
  readonly zeroPoints?: Uint8Array<ArrayBuffer>;
  /** `[rows, blocks]` */
  readonly mins?: Float32Array<ArrayBuffer>;
}

/** 8 bits in blocks, for the matrix with a row for each token: a lookup takes a row at a time. */
export const INT8_BLOCKS: BlockFormat = {
  bits: 8,
  blockLength: BLOCK_LENGTH,
  zeroPoints: "middle",
  mins: "none",
  quantize: ({ read, columns }, rows) => quantizeInt8(fillRows(read(rows), columns)),
};

/** 4 bits with whole zero points. */
export const INT4_BLOCKS: BlockFormat = {
  bits: 4,
  blockLength: BLOCK_LENGTH,
  zeroPoints: "stored",
  mins: "none",
  quantize: ({ read, columns }, rows) => quantizeInt4(fillRows(read(rows), columns), Math.ceil(columns / BLOCK_LENGTH)),
};

/** A matrix by channel, rotated: value · rotation = code · scale. */
export interface QuantizedChannels {
  /** `[columns, rows]`, −127 … 127 */
  readonly codes: Int8Array<ArrayBuffer>;
  /** `[rows]` */
  readonly scales: Float32Array<ArrayBuffer>;
}

/** Numbers that a rotation mixes at most. */
const LONGEST_ROTATION = 64;

/** The numbers of a row that are rotated together: the longest power of two up to 64 that fills the row. */
export function rotationLength(columns: number): number {
  let length = 1;
  while (length < LONGEST_ROTATION && columns % (2 * length) === 0) length *= 2;
  return length;
}

/**
 * The rotation itself, a Hadamard matrix in Sylvester's order, `[length, length]`: 1 and −1. Its square is `length` times
 * the identity.
 *
 * @param length a power of two
 */
export function hadamard(length: number): Float32Array<ArrayBuffer> {
  const matrix = new Float32Array(length * length);
  for (let row = 0; row < length; row++) {
    matrix[row * length + row] = 1;
    rotate(matrix.subarray(row * length, (row + 1) * length), length);
  }
  return matrix;
}

/**
 * Multiplies each `length` numbers by the Hadamard matrix, in place (the fast Walsh–Hadamard transform), two steps at once
 * while there are two.
 */
function rotate(values: Float32Array, length: number): void {
  let half = 1;
  for (; 2 * half < length; half *= 4) {
    for (let start = 0; start < values.length; start += 4 * half) {
      for (let at = start; at < start + half; at++) {
        const sum = values[at] + values[at + half];
        const difference = values[at] - values[at + half];
        const otherSum = values[at + 2 * half] + values[at + 3 * half];
        const otherDifference = values[at + 2 * half] - values[at + 3 * half];
        values[at] = sum + otherSum;
        values[at + half] = difference + otherDifference;
        values[at + 2 * half] = sum - otherSum;
        values[at + 3 * half] = difference - otherDifference;
      }
    }
  }
  if (half === length) return;
  for (let start = 0; start < values.length; start += 2 * half) {
    for (let at = start; at < start + half; at++) {
      const [one, other] = [values[at], values[at + half]];
      values[at] = one + other;
      values[at + half] = one - other;
    }
  }
}

/**
 * Rows of a matrix as 8-bit whole numbers with one scale a row. Each is rotated before: a few activations are far larger
 * than the others, always in the same columns, and would leave the others few of their row's 255 steps. Rotated, the large
 * ones are spread over 64 columns, and no product changes, as the activations are rotated alike (QuaRot,
 * https://arxiv.org/abs/2404.00456).
 */
export function quantizeChannels({ read, columns }: MatrixPart, span: RowSpan): QuantizedChannels {
  const values = read(span).slice();
  const rows = span.end - span.start;
  const length = rotationLength(columns);
  rotate(values, length);
  const [codes, scales] = [new Int8Array(values.length), new Float32Array(rows)];
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let at = row * columns; at < (row + 1) * columns; at++) largest = Math.max(largest, Math.abs(values[at]));
    // The product of two rotated vectors is `length` times theirs.
    scales[row] = largest / 127 / length;
    const inverse = largest === 0 ? 0 : 127 / largest;
    for (let at = row * columns; at < (row + 1) * columns; at++) codes[at] = nearest(values[at] * inverse, 128) - 128;
  }
  return { codes: transpose(codes, rows, columns), scales };
}

/** The nearest whole number, plus `shift`, which makes it positive: five times as fast as Math.round. */
function nearest(value: number, shift: number): number {
  return (value + shift + 0.5) | 0;
}

/** `[rows, columns]` → `[columns, rows]` */
export function transpose<Numbers extends Float32Array<ArrayBuffer> | Int8Array<ArrayBuffer>>(
  values: Numbers,
  rows: number,
  columns: number,
): Numbers {
  const transposed = new (values.constructor as new (length: number) => Numbers)(values.length);
  const TILE = 32;
  for (let rowTile = 0; rowTile < rows; rowTile += TILE) {
    const rowEnd = Math.min(rows, rowTile + TILE);
    for (let column = 0; column < columns; column++) {
      for (let row = rowTile; row < rowEnd; row++) transposed[column * rows + row] = values[row * columns + column];
    }
  }
  return transposed;
}

/** Rows with zeros behind them, up to a whole number of blocks. */
function fillRows(values: Float32Array, columns: number): Float32Array {
  const width = Math.ceil(columns / BLOCK_LENGTH) * BLOCK_LENGTH;
  if (width === columns) return values;
  const filled = new Float32Array((values.length / columns) * width);
  for (let from = 0, to = 0; from < values.length; from += columns, to += width) {
    filled.set(values.subarray(from, from + columns), to);
  }
  return filled;
}

/**
 * Symmetric 8-bit blocks: zero point 128, the largest value of a block at ±127 scales.
 *
 * @param values whole blocks
 */
function quantizeInt8(values: Float32Array): QuantizedBlocks {
  const codes = new Uint8Array(values.length);
  const scales = new Float32Array(values.length / BLOCK_LENGTH);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK_LENGTH;
    let largest = 0;
    for (let index = start; index < start + BLOCK_LENGTH; index++) largest = Math.max(largest, Math.abs(values[index]));
    const scale = Math.fround(largest / 127);
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let index = start; index < start + BLOCK_LENGTH; index++) {
      codes[index] = nearest(values[index] * inverse, 128);
    }
  }
  return { codes, scales };
}

/** Scales tried per block, as multiples of the one that spans the block's values exactly. */
const INT4_SCALES = [0.92, 0.96, 1, 1.04, 1.08];

/**
 * 4-bit blocks with whole zero points: of several scales and the two nearest zero points, those with the
 * smallest squared error. Zero points in whole numbers keep the matrix product on the runtime's fast path.
 *
 * @param values whole blocks
 */
function quantizeInt4(values: Float32Array, blocksPerRow: number): QuantizedBlocks {
  const zeroPointBytes = Math.ceil(blocksPerRow / 2);
  const codes = new Uint8Array(values.length / 2);
  const scales = new Float32Array(values.length / BLOCK_LENGTH);
  const zeroPoints = new Uint8Array((scales.length / blocksPerRow) * zeroPointBytes);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK_LENGTH;
    const { scale, zeroPoint } = bestGrid(values, start);
    const inRow = block % blocksPerRow;
    zeroPoints[Math.floor(block / blocksPerRow) * zeroPointBytes + (inRow >> 1)] |= zeroPoint << (4 * (inRow & 1));
    scales[block] = scale;
    const inverse = 1 / scale;
    for (let index = start; index < start + BLOCK_LENGTH; index += 2) {
      const low = codeOf(values[index] * inverse + zeroPoint);
      const high = codeOf(values[index + 1] * inverse + zeroPoint);
      codes[index >> 1] = low | (high << 4);
    }
  }
  return { codes, scales, zeroPoints };
}

function codeOf(scaled: number): number {
  return scaled <= 0 ? 0 : scaled >= 15 ? 15 : Math.floor(scaled + 0.5);
}

function bestGrid(values: Float32Array, start: number): { scale: number; zeroPoint: number } {
  let [lowest, highest] = [0, 0];
  for (let index = start; index < start + BLOCK_LENGTH; index++) {
    lowest = Math.min(lowest, values[index]);
    highest = Math.max(highest, values[index]);
  }
  if (lowest === highest) return { scale: 1, zeroPoint: 0 };
  let best = { scale: 1, zeroPoint: 0 };
  let smallest = Infinity;
  for (const factor of INT4_SCALES) {
    const scale = Math.fround((factor * (highest - lowest)) / 15);
    const exact = Math.floor(-lowest / scale);
    for (let zeroPoint = exact; zeroPoint <= Math.min(15, exact + 1); zeroPoint++) {
      const error = squaredError(values, start, scale, zeroPoint);
      if (error < smallest) [best, smallest] = [{ scale, zeroPoint }, error];
    }
  }
  return best;
}

function squaredError(values: Float32Array, start: number, scale: number, zeroPoint: number): number {
  const inverse = 1 / scale;
  let error = 0;
  for (let index = start; index < start + BLOCK_LENGTH; index++) {
    const difference = (codeOf(values[index] * inverse + zeroPoint) - zeroPoint) * scale - values[index];
    error += difference * difference;
  }
  return error;
}

/**
 * The blocks that tensors are stored in, as they are: whole numbers, scales and mins of the checkpoint, none of them
 * rounded anew. Several tensors in one matrix take the widest of their codes and the shortest of their groups. Undefined
 * where one of them is floats.
 *
 * @param dtypes the tensors' stored types
 * @param least bits of a code at least
 */
export function storedBlocks(dtypes: readonly string[], least: 4 | 8 = 4): BlockFormat | undefined {
  const layouts = dtypes.map((dtype) => TENSOR_FORMATS[dtype]?.layout);
  if (!layouts.every((layout) => layout !== undefined)) return undefined;
  const kinds = layouts.map(levelsOf);
  const bits = Math.max(least, ...kinds.map((kind) => kind.bits)) as 4 | 8;
  const blockLength = Math.min(...layouts.map(({ groupLength }) => groupLength));
  const mins = kinds.some((kind) => kind.mins) ? "stored" : "none";
  return {
    bits,
    blockLength,
    zeroPoints: "middle",
    mins,
    quantize: ({ dtype, readBlocks }, rows) => {
      const { middle } = levelsOf(TENSOR_FORMATS[dtype].layout!);
      const { mins: own, ...rest } = recode(readBlocks(rows)!, middle, bits, blockLength);
      return mins === "stored" ? { ...rest, mins: own } : rest;
    },
  };
}

/** What a stored type's whole numbers are: how many bits they take, and the number in their middle where they have mins. */
function levelsOf({ levels }: BlockLayout): { bits: 4 | 8; mins: boolean; middle: number } {
  const [lowest, highest] = [Math.min(...levels), Math.max(...levels)];
  // Types whose numbers begin at 0 count them from a min; the others count from their middle, 0.
  const mins = lowest === 0;
  return { bits: highest - lowest < 16 && lowest >= -8 ? 4 : 8, mins, middle: mins ? (highest + 1) / 2 : 0 };
}

/** Stored numbers as codes about a middle: value = (code − zero point) · scale + (min + middle · scale). */
function recode(
  { levels, scales, mins, groupLength }: StoredBlocks,
  middle: number,
  bits: 4 | 8,
  blockLength: number,
): Required<Omit<QuantizedBlocks, "zeroPoints">> {
  const zeroPoint = bits === 4 ? 8 : 128;
  const shift = zeroPoint - middle;
  const codes = new Uint8Array(levels.length * bits / 8);
  if (bits === 8) { for (let at = 0; at < codes.length; at++) codes[at] = levels[at] + shift; }
  else {for (let at = 0; at < codes.length; at++) {
      codes[at] = (levels[2 * at] + shift) | ((levels[2 * at + 1] + shift) << 4);
    }}
  const times = groupLength / blockLength;
  const spread = (of: (group: number) => number) =>
    Float32Array.from({ length: scales.length * times }, (_, block) => of(Math.floor(block / times)));
  return {
    codes,
    scales: times === 1 ? scales : spread((group) => scales[group]),
    mins: spread((group) => mins[group] + middle * scales[group]),
  };
}
