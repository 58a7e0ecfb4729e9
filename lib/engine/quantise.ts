/** Values that share one scale. */
export const BLOCK_SIZE = 32;

/** A matrix in blocks of whole numbers: value = (quantum − zero point) · scale. */
export interface QuantisedBlocks {
  readonly bits: 4 | 8;
  /** `[rows · columns · bits / 8]`: for 4 bits, values 2j and 2j + 1 share a byte, the even one low. */
  readonly quanta: Uint8Array<ArrayBuffer>;
  /** `[rows · columns / 32]` */
  readonly scales: Float32Array<ArrayBuffer>;
}

/**
 * Quantises to symmetric 8-bit blocks: zero point 128, the largest value of a block at ±127 scales.
 *
 * @param values `[rows, columns]`, columns a multiple of 32
 */
export function quantiseInt8(values: Float32Array): QuantisedBlocks {
  checkBlocks(values);
  const quanta = new Uint8Array(values.length);
  const scales = new Float32Array(values.length / BLOCK_SIZE);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK_SIZE;
    let largest = 0;
    for (let index = start; index < start + BLOCK_SIZE; index++) largest = Math.max(largest, Math.abs(values[index]));
    const scale = Math.fround(largest / 127);
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let index = start; index < start + BLOCK_SIZE; index++) {
      quanta[index] = Math.round(values[index] * inverse) + 128;
    }
  }
  return { bits: 8, quanta, scales };
}

/** Scales tried per block, as the quantum that the block's value of largest magnitude lands on. */
const INT4_EXTREMES = [-8, -7.5, -7, -6.5, -6, 7, 7.5, 6.5];

/**
 * Quantises to symmetric 4-bit blocks: zero point 8, and of several scales the one with the smallest squared error.
 * Without stored zero points the matrix product stays on the runtime's fast path.
 *
 * @param values `[rows, columns]`, columns a multiple of 32
 */
export function quantiseInt4(values: Float32Array): QuantisedBlocks {
  checkBlocks(values);
  const quanta = new Uint8Array(values.length / 2);
  const scales = new Float32Array(values.length / BLOCK_SIZE);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK_SIZE;
    const scale = bestScale(values, start);
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let index = start; index < start + BLOCK_SIZE; index += 2) {
      quanta[index >> 1] = quantum(values[index] * inverse) | (quantum(values[index + 1] * inverse) << 4);
    }
  }
  return { bits: 4, quanta, scales };
}

function quantum(scaled: number): number {
  return Math.max(0, Math.min(15, Math.round(scaled) + 8));
}

function bestScale(values: Float32Array, start: number): number {
  let extreme = 0;
  for (let index = start; index < start + BLOCK_SIZE; index++) {
    if (Math.abs(values[index]) > Math.abs(extreme)) extreme = values[index];
  }
  if (extreme === 0) return 0;
  let best = 0;
  let smallest = Infinity;
  for (const target of INT4_EXTREMES) {
    const scale = Math.fround(extreme / target);
    const inverse = 1 / scale;
    let error = 0;
    for (let index = start; index < start + BLOCK_SIZE; index++) {
      const difference = (quantum(values[index] * inverse) - 8) * scale - values[index];
      error += difference * difference;
    }
    if (error < smallest) [best, smallest] = [scale, error];
  }
  return best;
}

function checkBlocks(values: Float32Array): void {
  if (values.length % BLOCK_SIZE !== 0) {
    throw new TypeError(`Cannot quantise ${values.length} values as blocks take ${BLOCK_SIZE} each`);
  }
}
