import { innerProduct } from "./inner_product.ts";
import type { Vector } from "./policy.ts";

/** The L2 norm of each vector: `[rows, width]` → `[rows]`. */
export function rowNorms(vectors: Vector, width: number): Float64Array {
  const norms = new Float64Array(vectors.length / width);
  for (let row = 0; row < norms.length; row++) {
    norms[row] = Math.sqrt(innerProduct(vectors, row * width, vectors, row * width, width));
  }
  return norms;
}
