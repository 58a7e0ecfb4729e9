import type { ByteSource } from "../../files/byte_source.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../../numeric/half.ts";
import {
  floatScale,
  floatScaleAndMin,
  powerScale,
  scalesOf4Bits,
  scalesOf6Bits,
  signedScalesOf6Bits,
  signedScalesOf8Bits,
  splitScalesOf6Bits,
} from "./block_scales.ts";
import {
  type BitPlane,
  type BlockLayout,
  decodeBlocks,
  readStoredBlocks,
  type ScaleReader,
  type StoredBlocks,
} from "./quantized_blocks.ts";

/** How a tensor's values are stored: blocks of `blockLength` values in `blockBytes` bytes. */
export interface TensorFormat {
  readonly blockLength: number;
  readonly blockBytes: number;
  /** Decodes whole blocks: `out` holds `blockLength` values for each `blockBytes` of `bytes`. */
  decode(bytes: Uint8Array, out: Float32Array): void;
  /** How blocks of whole numbers lie in memory; undefined for floats. */
  readonly layout?: BlockLayout;
}

/** Whole numbers from `first` on. */
const integers = (first: number, count: number) => Float32Array.from({ length: count }, (_, index) => first + index);
/** What the four bits of IQ4_NL and IQ4_XS stand for (`kvalues_iq4nl` of ggml-common.h). */
const IQ4_LEVELS = Float32Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
/** Twice what the four bits of E2M1 stand for: a sign, two of an exponent, one of a fraction; ggml has no −0. */
const E2M1_LEVELS = Float32Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
/** A signed byte by its bits. */
const INT8_LEVELS = Float32Array.from(new Int8Array(integers(0, 256)));

function plane(at: number, bits: BitPlane["bits"], run: number): BitPlane {
  return { at, bits, run };
}

/** Blocks of 32 values with one scale. */
function block(
  blockBytes: number,
  scales: ScaleReader,
  codes: readonly BitPlane[],
  levels: Float32Array,
): TensorFormat {
  return quantized({ blockLength: 32, groupLength: 32, blockBytes, scales, codes, levels });
}

/** Blocks of 256 values in groups, whose scales are whole multiples of the block's own. */
function superBlock(
  blockBytes: number,
  groupLength: number,
  scales: ScaleReader,
  codes: readonly BitPlane[],
  levels: Float32Array,
): TensorFormat {
  return quantized({ blockLength: 256, groupLength, blockBytes, scales, codes, levels });
}

function quantized(layout: BlockLayout): TensorFormat {
  const { blockLength, blockBytes } = layout;
  return { blockLength, blockBytes, layout, decode: (bytes, out) => decodeBlocks(layout, bytes, out) };
}

/**
 * The stored types that can be read, by name. The quantized ones are ggml's
 * (https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h).
 */
export const TENSOR_FORMATS: Readonly<Record<string, TensorFormat>> = {
  F32: { blockLength: 1, blockBytes: 4, decode: (bytes, out) => bytesOf(out).set(bytes) },
  F16: { blockLength: 1, blockBytes: 2, decode: (bytes, out) => void float16ToFloat32(halvesOf(bytes), out) },
  BF16: { blockLength: 1, blockBytes: 2, decode: (bytes, out) => void bfloat16ToFloat32(halvesOf(bytes), out) },
  Q8_0: block(34, floatScale(0), [plane(2, 8, 32)], INT8_LEVELS),
  Q4_0: block(18, floatScale(0), [plane(2, 4, 16)], integers(-8, 16)),
  Q4_1: block(20, floatScaleAndMin, [plane(4, 4, 16)], integers(0, 16)),
  Q5_0: block(22, floatScale(0), [plane(6, 4, 16), plane(2, 1, 1)], integers(-16, 32)),
  Q5_1: block(24, floatScaleAndMin, [plane(8, 4, 16), plane(4, 1, 1)], integers(0, 32)),
  Q2_K: superBlock(84, 16, scalesOf4Bits, [plane(16, 2, 32)], integers(0, 4)),
  Q3_K: superBlock(110, 16, signedScalesOf6Bits, [plane(32, 2, 32), plane(0, 1, 32)], integers(-4, 8)),
  Q4_K: superBlock(144, 32, scalesOf6Bits, [plane(16, 4, 32)], integers(0, 16)),
  Q5_K: superBlock(176, 32, scalesOf6Bits, [plane(48, 4, 32), plane(16, 1, 32)], integers(0, 32)),
  Q6_K: superBlock(210, 16, signedScalesOf8Bits, [plane(0, 4, 64), plane(128, 2, 32)], integers(-32, 64)),
  IQ4_NL: block(18, floatScale(0), [plane(2, 4, 16)], IQ4_LEVELS),
  IQ4_XS: superBlock(136, 32, splitScalesOf6Bits, [plane(8, 4, 16)], IQ4_LEVELS),
  MXFP4: block(17, powerScale, [plane(1, 4, 16)], E2M1_LEVELS),
};

/** Rows `start` to before `end` of a matrix. */
export interface RowSpan {
  /** The first row. */
  readonly start: number;
  /** The row after the last. */
  readonly end: number;
}

/** Values decoded at once, a multiple of every block: 4 MB of float32, so that the stored bytes are never held whole. */
const CHUNK_VALUES = 1 << 20;

/**
 * Reads `count` values from `offset` on, decoded to float32.
 *
 * @throws {RangeError} if they do not lie inside the source
 */
export function readValues(
  source: ByteSource,
  offset: number,
  count: number,
  format: TensorFormat,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  forEachChunk(source, offset, count, format, (bytes, start, end) => format.decode(bytes, values.subarray(start, end)));
  return values;
}

/**
 * Reads `count` values from `offset` on as they are stored; undefined for floats.
 *
 * @throws {RangeError} if they do not lie inside the source
 */
export function readBlocks(
  source: ByteSource,
  offset: number,
  count: number,
  format: TensorFormat,
): StoredBlocks | undefined {
  const { layout } = format;
  if (layout === undefined) return undefined;
  const { groupLength } = layout;
  const groups = count / groupLength;
  const stored = {
    groupLength,
    levels: new Int8Array(count),
    scales: new Float32Array(groups),
    mins: new Float32Array(groups).fill(-0),
  };
  forEachChunk(source, offset, count, format, (bytes, start) => readStoredBlocks(layout, bytes, stored, start));
  return stored;
}

function forEachChunk(
  source: ByteSource,
  offset: number,
  count: number,
  { blockLength, blockBytes }: TensorFormat,
  take: (bytes: Uint8Array, start: number, end: number) => void,
): void {
  const bytesFor = (length: number) => (length / blockLength) * blockBytes;
  for (let start = 0; start < count; start += CHUNK_VALUES) {
    const end = Math.min(count, start + CHUNK_VALUES);
    take(source.read(offset + bytesFor(start), bytesFor(end - start)), start, end);
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The bytes as 16-bit patterns; copied where they do not begin at an even address. */
function halvesOf(bytes: Uint8Array): Uint16Array {
  const even = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(even.buffer, even.byteOffset, even.length / 2);
}
