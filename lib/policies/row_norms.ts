import type { Vector } from "./policy.ts";

/** The L2 norm of each vector: `[rows, width]` → `[rows]`. */
export function rowNorms(vectors: Vector, width: number): Float64Array {
  const norms = new Float64Array(vectors.length / width);
  for (let row = 0; row < norms.length; row++) {
    let sum = 0;
    for (let index = row * width; index < (row + 1) * width; index++) sum += vectors[index] * vectors[index];
    norms[row] = Math.sqrt(sum);
  }
  return norms;
}
