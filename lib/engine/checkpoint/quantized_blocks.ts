/**
 * Bits of a block's codes: in every run of `run` bytes, the lowest `bits` bits of each byte are those of the first `run`
 * codes, the next `bits` those of the next `run`, and so on; then comes the next run of bytes.
 */
export interface BitPlane {
  /** Bytes from the beginning of the block. */
  readonly at: number;
  readonly bits: 1 | 2 | 4 | 8;
  readonly run: number;
}

/**
 * Reads the scales and mins of the block that begins at byte `at`: one of each for every group. Minima that a type
 * does not have are left as they are, at −0, which is the number that changes no other when it is added: 0 would turn
 * a −0 into 0.
 */
export type ScaleReader = (bytes: Uint8Array, at: number, scales: Float32Array, mins: Float32Array) => void;

/** How a quantized block lies in memory: value = scale · levels[code] + minimum. */
export interface BlockLayout {
  /** Values in a block. */
  readonly blockLength: number;
  /** Bytes in a block. */
  readonly blockBytes: number;
  /** Values that share a scale. */
  readonly groupLength: number;
  /** Where the codes's bits are, the lowest first. */
  readonly codes: readonly BitPlane[];
  /** What each code stands for: whole numbers. */
  readonly levels: Float32Array;
  readonly scales: ScaleReader;
}

/**
 * Decodes whole blocks: `out` holds `blockLength` values for each `blockBytes` of `bytes`. The values are ggml's in
 * float32, bit for bit, although these sums are in float64: a float16 has 11 bits, a group's factor and a level no more
 * than 12 together, so a product is exact in float32's 24 bits, and a sum is rounded once.
 */
export function decodeBlocks(layout: BlockLayout, bytes: Uint8Array, out: Float32Array): void {
  const { blockLength, blockBytes, groupLength, levels } = layout;
  const codes = new Uint8Array(blockLength);
  const scales = new Float32Array(blockLength / groupLength);
  const mins = new Float32Array(scales.length).fill(-0);
  for (let at = 0, start = 0; start < out.length; at += blockBytes, start += blockLength) {
    layout.scales(bytes, at, scales, mins);
    readCodes(layout.codes, bytes, at, codes);
    for (let group = 0, index = 0; group < scales.length; group++) {
      const scale = scales[group];
      const minimum = mins[group];
      for (const end = index + groupLength; index < end; index++) {
        out[start + index] = scale * levels[codes[index]] + minimum;
      }
    }
  }
}

/** The stored numbers of some blocks: value = scale · level + min, with a scale and a min for every group. */
export interface StoredBlocks {
  /** Values that share a scale. */
  readonly groupLength: number;
  /** `[values]`, whole numbers. */
  readonly levels: Int8Array<ArrayBuffer>;
  /** `[groups]` */
  readonly scales: Float32Array<ArrayBuffer>;
  /** `[groups]`; −0 where a type has none. */
  readonly mins: Float32Array<ArrayBuffer>;
}

/** Takes whole blocks apart as they are stored, in place: `into` holds as many values as the bytes do, from `first` on. */
export function readStoredBlocks(layout: BlockLayout, bytes: Uint8Array, into: StoredBlocks, first: number): void {
  const { blockLength, blockBytes, groupLength, levels } = layout;
  const codes = new Uint8Array(blockLength);
  const groups = blockLength / groupLength;
  for (let at = 0, start = first; at < bytes.length; at += blockBytes, start += blockLength) {
    const group = start / groupLength;
    layout.scales(bytes, at, into.scales.subarray(group, group + groups), into.mins.subarray(group, group + groups));
    readCodes(layout.codes, bytes, at, codes);
    for (let index = 0; index < blockLength; index++) into.levels[start + index] = levels[codes[index]];
  }
}

function readCodes(planes: readonly BitPlane[], bytes: Uint8Array, start: number, codes: Uint8Array): void {
  codes.fill(0);
  let place = 0;
  for (const { at, bits, run } of planes) {
    const mask = (1 << bits) - 1;
    for (let from = start + at, index = 0; index < codes.length; from += run) {
      for (let shift = 0; shift < 8; shift += bits) {
        for (let byte = from; byte < from + run; byte++) codes[index++] |= ((bytes[byte] >> shift) & mask) << place;
      }
    }
    place += bits;
  }
}
