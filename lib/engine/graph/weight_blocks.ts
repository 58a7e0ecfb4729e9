/** Values that share one scale. */
export const BLOCK_SIZE = 32;

/** How matrices are held in blocks of {@linkcode BLOCK_SIZE} whole numbers a row. */
export interface BlockFormat {
  /** Bits of a code. */
  readonly bits: 4 | 8;
  /** Whether each block has a zero point of its own, or all of them the middle code. */
  readonly zeroPoints: "stored" | "middle";
  /** Quantizes a matrix, `[rows, columns]`; columns are a multiple of the block size. */
  quantize(values: Float32Array, columns: number): QuantizedBlocks;
}

/** 8 bits, all but exact. */
export const INT8_BLOCKS: BlockFormat = { bits: 8, zeroPoints: "middle", quantize: quantizeInt8 };

/** 4 bits with whole zero points. */
export const INT4_BLOCKS: BlockFormat = { bits: 4, zeroPoints: "stored", quantize: quantizeInt4 };

/** A matrix in blocks of whole numbers: value = (code − zero point) · scale. */
export interface QuantizedBlocks {
  /** `[rows · columns · bits / 8]`: for 4 bits, values 2j and 2j + 1 share a byte, the even one low. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** `[rows · columns / 32]` */
  readonly scales: Float32Array<ArrayBuffer>;
  /** `[rows, ceil(columns / 64)]`, two of 4 bits a byte, the even block's low; absent: 8 of 16, or 128 of 256. */
  readonly zeroPoints?: Uint8Array<ArrayBuffer>;
}

/**
 * Quantizes to symmetric 8-bit blocks: zero point 128, the largest value of a block at ±127 scales.
 *
 * @param values `[rows, columns]`, columns a multiple of 32
 */
function quantizeInt8(values: Float32Array): QuantizedBlocks {
  checkBlocks(values);
  const codes = new Uint8Array(values.length);
  const scales = new Float32Array(values.length / BLOCK_SIZE);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK_SIZE;
    let largest = 0;
    for (let index = start; index < start + BLOCK_SIZE; index++) largest = Math.max(largest, Math.abs(values[index]));
    const scale = Math.fround(largest / 127);
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let index = start; index < start + BLOCK_SIZE; index++) {
      codes[index] = Math.round(values[index] * inverse) + 128;
    }
  }
  return { codes, scales };
}

/** Scales tried per block, as multiples of the one that spans the block's values exactly. */
const INT4_SCALES = [0.92, 0.96, 1, 1.04, 1.08];

/**
 * Quantizes to 4-bit blocks with whole zero points: of several scales and the two nearest zero points, those with the
 * smallest squared error. Zero points in whole numbers keep the matrix product on the runtime's fast path.
 *
 * @param values `[rows, columns]`
 * @param columns a multiple of 32
 */
function quantizeInt4(values: Float32Array, columns: number): QuantizedBlocks {
  checkBlocks(values);
  const blocksPerRow = columns / BLOCK_SIZE;
  const zeroPointBytes = Math.ceil(blocksPerRow / 2);
  const codes = new Uint8Array(values.length / 2);
  const scales = new Float32Array(values.length / BLOCK_SIZE);
  const zeroPoints = new Uint8Array((values.length / columns) * zeroPointBytes);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK_SIZE;
    const { scale, zeroPoint } = bestGrid(values, start);
    const inRow = block % blocksPerRow;
    zeroPoints[Math.floor(block / blocksPerRow) * zeroPointBytes + (inRow >> 1)] |= zeroPoint << (4 * (inRow & 1));
    scales[block] = scale;
    const inverse = 1 / scale;
    for (let index = start; index < start + BLOCK_SIZE; index += 2) {
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
  for (let index = start; index < start + BLOCK_SIZE; index++) {
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
  for (let index = start; index < start + BLOCK_SIZE; index++) {
    const difference = (codeOf(values[index] * inverse + zeroPoint) - zeroPoint) * scale - values[index];
    error += difference * difference;
  }
  return error;
}

function checkBlocks(values: Float32Array): void {
  if (values.length % BLOCK_SIZE !== 0) {
    throw new TypeError(`Cannot quantize ${values.length} values as blocks take ${BLOCK_SIZE} each`);
  }
}
