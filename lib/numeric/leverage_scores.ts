import { choleskyFactor, solveLower } from "./cholesky.ts";
import { quadraticForm } from "./quadratic_form.ts";
import { innerProduct, type Vector } from "./vectors.ts";

/**
 * Ridge leverage scores, xᵀ(λI + Σ w y yᵀ)⁻¹x of each vector x, summed over all vectors y and their weights w:
 * `[rows, width]` → `[rows]`. How far a vector points where the others do not (Alaoui and Mahoney 2015,
 * https://arxiv.org/abs/1411.0306).
 *
 * @param vectors `[rows, width]`, the width an even number
 * @param ridge λ, above 0
 * @param weights `[rows]`, none below 0; 1 each by default
 * @throws {RangeError} if a vector is not finite
 */
export function leverageScores(vectors: Vector, width: number, ridge: number, weights?: Float64Array): Float64Array {
  const gram = weightedGram(vectors, width, weights);
  for (let dim = 0; dim < width; dim++) gram[dim * width + dim] += ridge;
  const lower = choleskyFactor(gram, width);
  if (lower === undefined) {
    throw new RangeError(`Cannot score rows by leverage as their sums of squares are not finite`);
  }
  // (LLᵀ)⁻¹ has the elements aᵢ·aⱼ, where aᵢ is a column of L⁻¹. A quadratic form of an upper triangle counts them twice.
  const columns = new Float64Array(width * width);
  for (let dim = 0; dim < width; dim++) {
    columns[dim * width + dim] = 1;
    solveLower(lower, columns.subarray(dim * width, (dim + 1) * width));
  }
  const inverse = new Float64Array(width * width);
  for (let row = 0; row < width; row++) {
    for (let column = row; column < width; column++) {
      const element = innerProduct(columns, row * width, columns, column * width, width);
      inverse[row * width + column] = row === column ? element : 2 * element;
    }
  }
  return quadraticForm(vectors, new Float64Array(width), inverse);
}

/** Σ w x xᵀ over the vectors, `[rows, width]`: its lower triangle, `[width, width]`. */
function weightedGram(vectors: Vector, width: number, weights?: Float64Array): Float64Array {
  const gram = new Float64Array(width * width);
  const rows = vectors.length / width;
  // Four vectors at once, as sums are read and written a quarter as often; missing ones count as zeros.
  const block = new Float64Array(4 * width);
  for (let row = 0; row < rows; row += 4) {
    block.fill(0);
    block.set(vectors.subarray(row * width, (row + 4) * width));
    const weight = (lane: number) => weights === undefined ? 1 : weights[row + lane] ?? 0;
    const [first, second, third, fourth] = [weight(0), weight(1), weight(2), weight(3)];
    for (let dim = 0; dim < width; dim++) {
      const a = first * block[dim];
      const b = second * block[width + dim];
      const c = third * block[2 * width + dim];
      const d = fourth * block[3 * width + dim];
      const start = dim * width;
      for (let other = 0; other <= dim; other++) {
        gram[start + other] += a * block[other] + b * block[width + other] + c * block[2 * width + other] +
          d * block[3 * width + other];
      }
    }
  }
  return gram;
}
