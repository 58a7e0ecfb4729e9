/** Numbers of one signal: simulators work in double precision, engines in single. */
export type Vector = Float32Array | Float64Array;

/**
 * Σ one[start + i] · other[otherStart + i], i from 0 to before `width`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { innerProduct } from "kvmirror/policies";
 *
 * const keys = Float32Array.of(1, 2, 3, 4); // [2, head_dim]
 * assertEquals(innerProduct(keys, 2, Float64Array.of(10, 100), 0, 2), 430);
 * ```
 */
export function innerProduct(one: Vector, start: number, other: Vector, otherStart: number, width: number): number {
  // Four sums that do not wait for one another; declared one by one, as an array of them is built at each call.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const end = start + width;
  let index = start;
  let otherIndex = otherStart;
  for (; index + 3 < end; index += 4, otherIndex += 4) {
    a += one[index] * other[otherIndex];
    b += one[index + 1] * other[otherIndex + 1];
    c += one[index + 2] * other[otherIndex + 2];
    d += one[index + 3] * other[otherIndex + 3];
  }
  for (; index < end; index++, otherIndex++) a += one[index] * other[otherIndex];
  return a + b + c + d;
}

/** Whether no number is infinite or NaN. A product with 0 is 0, or else NaN, which a sum keeps: the fastest way to tell. */
export function allFinite(numbers: Vector): boolean {
  // Four sums that do not wait for one another.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let index = 0;
  for (; index + 3 < numbers.length; index += 4) {
    a += numbers[index] * 0;
    b += numbers[index + 1] * 0;
    c += numbers[index + 2] * 0;
    d += numbers[index + 3] * 0;
  }
  for (; index < numbers.length; index++) a += numbers[index] * 0;
  return a + b + c + d === 0;
}

/** The L2 norm of each vector: `[rows, width]` → `[rows]`. */
export function rowNorms(vectors: Vector, width: number): Float64Array {
  const norms = new Float64Array(vectors.length / width);
  for (let row = 0; row < norms.length; row++) {
    norms[row] = Math.sqrt(innerProduct(vectors, row * width, vectors, row * width, width));
  }
  return norms;
}

/** The numbers of all parts, one after the other. */
export function concatenate(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
