/** Every float16 value by its bits: 256 KB, built on first use. */
let float16Table: Float32Array | undefined;

function buildTable(): Float32Array {
  const table = new Float32Array(1 << 16);
  for (let bits = 0; bits < table.length; bits++) {
    const sign = bits >> 15 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction === 0 ? sign * Infinity : NaN;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}

/** The values of all 65,536 float16 bit patterns, indexed by the pattern. Not to be written to. */
export function float16Values(): Float32Array {
  return float16Table ??= buildTable();
}

/**
 * Widens float16 (IEEE 754 binary16) to float32; exact.
 *
 * @param halves bit patterns, `[n]`
 * @param out where the values go, `[n]`
 */
export function float16ToFloat32(
  halves: Uint16Array,
  out: Float32Array = new Float32Array(halves.length),
): Float32Array {
  const values = float16Values();
  for (let index = 0; index < halves.length; index++) out[index] = values[halves[index]];
  return out;
}

/**
 * Widens bfloat16 (the upper half of a float32) to float32; exact, bit for bit.
 *
 * @param halves bit patterns, `[n]`
 * @param out where the values go, `[n]`
 */
export function bfloat16ToFloat32(
  halves: Uint16Array,
  out: Float32Array = new Float32Array(halves.length),
): Float32Array {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let index = 0; index < halves.length; index++) bits[index] = halves[index] << 16;
  return out;
}

/**
 * Narrows float32 to float16, to nearest, ties to even; past 65,504 it is infinite.
 *
 * @param values `[n]`
 * @param out where the bit patterns go, `[n]`
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { float16ToFloat32, float32ToFloat16 } from "./half.ts";
 *
 * assertEquals(float16ToFloat32(float32ToFloat16(Float32Array.of(1, 1e-7, 1e6))), Float32Array.of(1, 2 ** -23, Infinity));
 * ```
 */
export function float32ToFloat16(
  values: Float32Array,
  out: Uint16Array = new Uint16Array(values.length),
): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let index = 0; index < bits.length; index++) out[index] = narrow(bits[index]);
  return out;
}

function narrow(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // not a number
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // from 65,520 on, the nearest is infinity
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13); // a carry into the exponent is right
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign; // below half the smallest subnormal
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

/** `value >> shift`, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0);
}
