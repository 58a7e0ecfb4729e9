import { float16Values } from "../../numeric/half.ts";
import type { ScaleReader } from "./quantized_blocks.ts";

/** One float16 scale, `at` bytes into the block. */
export function floatScale(at: number): ScaleReader {
  return (bytes, start, scales) => {
    scales[0] = float16At(bytes, start + at);
  };
}

/** One float16 scale and, after it, one float16 minimum, from the block's beginning on. */
export const floatScaleAndMin: ScaleReader = (bytes, start, scales, mins) => {
  scales[0] = float16At(bytes, start);
  mins[0] = float16At(bytes, start + 2);
};

/**
 * One scale of a byte that is a power of two (E8M0 of the OCP microscaling formats,
 * https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf), halved, as ggml's levels are
 * twice the format's. The byte 255, there no number, is 2¹²⁷ as in ggml.
 */
export const powerScale: ScaleReader = (bytes, start, scales) => {
  scales[0] = 2 ** (bytes[start] - 128);
};

/** Q2_K: 16 bytes of a scale (low half) and a minimum (high half), then behind the codes what both are multiples of. */
export const scalesOf4Bits: ScaleReader = (bytes, start, scales, mins) => {
  const scale = float16At(bytes, start + 80);
  const minimum = -float16At(bytes, start + 82);
  for (let group = 0; group < 16; group++) {
    const pair = bytes[start + group];
    scales[group] = scale * (pair & 15);
    mins[group] = minimum * (pair >> 4);
  }
};

/**
 * Q3_K: 16 scales of 6 bits less 32, in 12 bytes: the low four bits of scales j and j + 8 in byte j, the high two of
 * scales j, j + 4, j + 8 and j + 12 in byte 8 + j.
 */
export const signedScalesOf6Bits: ScaleReader = (bytes, start, scales) => {
  const scale = float16At(bytes, start + 108);
  for (let group = 0; group < 16; group++) {
    const low = (bytes[start + 96 + (group & 7)] >> (4 * (group >> 3))) & 15;
    const high = (bytes[start + 104 + (group & 3)] >> (2 * (group >> 2))) & 3;
    scales[group] = scale * ((low | (high << 4)) - 32);
  }
};

/**
 * Q4_K and Q5_K: what scales and mins are multiples of, then eight of each of 6 bits in 12 bytes: scales 0 … 3 and
 * mins 0 … 3 in the low six bits of a byte each; of 4 … 7, the low four bits of a scale and a minimum in a byte, and
 * their high two above scales and mins 0 … 3.
 */
export const scalesOf6Bits: ScaleReader = (bytes, start, scales, mins) => {
  const scale = float16At(bytes, start);
  const minimum = -float16At(bytes, start + 2);
  for (let group = 0; group < 4; group++) {
    const first = bytes[start + 4 + group];
    const second = bytes[start + 8 + group];
    const pair = bytes[start + 12 + group];
    scales[group] = scale * (first & 63);
    mins[group] = minimum * (second & 63);
    scales[group + 4] = scale * ((pair & 15) | ((first >> 6) << 4));
    mins[group + 4] = minimum * ((pair >> 4) | ((second >> 6) << 4));
  }
};

/** Q6_K: 16 scales of a signed byte, then what they are multiples of. */
export const signedScalesOf8Bits: ScaleReader = (bytes, start, scales) => {
  const scale = float16At(bytes, start + 208);
  for (let group = 0; group < 16; group++) scales[group] = scale * ((bytes[start + 192 + group] << 24) >> 24);
};

/** IQ4_XS: eight scales of 6 bits less 32: the high two bits of each in two bytes, then the low four of each in four. */
export const splitScalesOf6Bits: ScaleReader = (bytes, start, scales) => {
  const scale = float16At(bytes, start);
  const highs = bytes[start + 2] | (bytes[start + 3] << 8);
  for (let group = 0; group < 8; group++) {
    const low = (bytes[start + 4 + (group >> 1)] >> (4 * (group & 1))) & 15;
    scales[group] = scale * ((low | (((highs >> (2 * group)) & 3) << 4)) - 32);
  }
};

function float16At(bytes: Uint8Array, at: number): number {
  return float16Values()[bytes[at] | (bytes[at + 1] << 8)];
}
