import type { Vector } from "./vectors.ts";

/**
 * b·x + xᵀUx of each vector x, for a U of which only the upper triangle is read: `[rows, width]` → `[rows]`.
 *
 * @param vectors `[rows, width]`, the width an even number
 * @param linear b, `[width]`
 * @param upper U, `[width, width]`
 */
export function quadraticForm(vectors: Vector, linear: Float64Array, upper: Float64Array): Float64Array {
  const width = linear.length;
  const rows = vectors.length / width;
  const values = new Float64Array(rows);
  // Four vectors and two dimensions side by side: sums that do not wait for one another, from numbers that are read once.
  const block = new Float64Array(4 * width);
  for (let row = 0; row < rows; row += 4) {
    const count = Math.min(4, rows - row);
    for (let lane = 0; lane < count; lane++) {
      for (let dim = 0; dim < width; dim++) block[4 * dim + lane] = vectors[(row + lane) * width + dim];
    }
    const sums = [0, 0, 0, 0];
    for (let dim = 0; dim < width; dim += 2) {
      let a = linear[dim];
      let b = a;
      let c = a;
      let d = a;
      let e = linear[dim + 1];
      let f = e;
      let g = e;
      let h = e;
      for (let other = dim, at = 4 * dim; other < width; other++, at += 4) {
        const weight = upper[dim * width + other];
        const next = upper[(dim + 1) * width + other];
        a += weight * block[at];
        b += weight * block[at + 1];
        c += weight * block[at + 2];
        d += weight * block[at + 3];
        e += next * block[at];
        f += next * block[at + 1];
        g += next * block[at + 2];
        h += next * block[at + 3];
      }
      const at = 4 * dim;
      sums[0] += a * block[at] + e * block[at + 4];
      sums[1] += b * block[at + 1] + f * block[at + 5];
      sums[2] += c * block[at + 2] + g * block[at + 6];
      sums[3] += d * block[at + 3] + h * block[at + 7];
    }
    for (let lane = 0; lane < count; lane++) values[row + lane] = sums[lane];
  }
  return values;
}
