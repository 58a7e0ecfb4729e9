import type { ByteSource } from "../../files/byte_source.ts";
import { bfloat16ToFloat32, float16ToFloat32, float16Values } from "../../numeric/half.ts";

/** How a tensor's values are stored: blocks of `blockLength` values in `blockBytes` bytes. */
export interface TensorFormat {
  readonly blockLength: number;
  readonly blockBytes: number;
  /** Decodes whole blocks: `out` holds `blockLength` values for each `blockBytes` of `bytes`. */
  decode(bytes: Uint8Array, out: Float32Array): void;
}

/** Values that share a scale in the quantised formats. */
const QUANTIZED_BLOCK = 32;

/**
 * The stored types that can be read, by name. The quantised ones are ggml's
 * (https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h): a block is its float16 scale d, for Q4_1 its float16
 * minimum m, then its integers q; a value is d·q, d·(q − 8) or d·q + m. Four-bit blocks keep value j in the low half of
 * byte j and value j + 16 in the high half.
 */
export const TENSOR_FORMATS: Readonly<Record<string, TensorFormat>> = {
  F32: { blockLength: 1, blockBytes: 4, decode: (bytes, out) => bytesOf(out).set(bytes) },
  F16: { blockLength: 1, blockBytes: 2, decode: (bytes, out) => void float16ToFloat32(halvesOf(bytes), out) },
  BF16: { blockLength: 1, blockBytes: 2, decode: (bytes, out) => void bfloat16ToFloat32(halvesOf(bytes), out) },
  Q8_0: { blockLength: QUANTIZED_BLOCK, blockBytes: 34, decode: decodeQ8_0 },
  Q4_0: { blockLength: QUANTIZED_BLOCK, blockBytes: 18, decode: decodeQ4_0 },
  Q4_1: { blockLength: QUANTIZED_BLOCK, blockBytes: 20, decode: decodeQ4_1 },
};

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
  const bytesFor = (length: number) => (length / format.blockLength) * format.blockBytes;
  for (let start = 0; start < count; start += CHUNK_VALUES) {
    const end = Math.min(count, start + CHUNK_VALUES);
    format.decode(source.read(offset + bytesFor(start), bytesFor(end - start)), values.subarray(start, end));
  }
  return values;
}

function decodeQ8_0(bytes: Uint8Array, out: Float32Array): void {
  const halves = float16Values();
  const integers = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0, start = 0; start < out.length; at += 34, start += QUANTIZED_BLOCK) {
    const scale = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let index = 0; index < QUANTIZED_BLOCK; index++) out[start + index] = scale * integers[at + 2 + index];
  }
}

function decodeQ4_0(bytes: Uint8Array, out: Float32Array): void {
  const halves = float16Values();
  for (let at = 0, start = 0; start < out.length; at += 18, start += QUANTIZED_BLOCK) {
    const scale = halves[bytes[at] | (bytes[at + 1] << 8)];
    for (let index = 0; index < 16; index++) {
      const pair = bytes[at + 2 + index];
      out[start + index] = scale * ((pair & 15) - 8);
      out[start + index + 16] = scale * ((pair >> 4) - 8);
    }
  }
}

function decodeQ4_1(bytes: Uint8Array, out: Float32Array): void {
  const halves = float16Values();
  for (let at = 0, start = 0; start < out.length; at += 20, start += QUANTIZED_BLOCK) {
    const scale = halves[bytes[at] | (bytes[at + 1] << 8)];
    const minimum = halves[bytes[at + 2] | (bytes[at + 3] << 8)];
    for (let index = 0; index < 16; index++) {
      const pair = bytes[at + 4 + index];
      out[start + index] = scale * (pair & 15) + minimum;
      out[start + index + 16] = scale * (pair >> 4) + minimum;
    }
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
