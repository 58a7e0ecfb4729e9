/** Steps after which a direction is taken as it is: where two are equally long, none is the longest. */
const MOST_STEPS = 10_000;

/**
 * The direction of unit length in which a symmetric matrix stretches most, its first eigenvector, by power iteration; its
 * sign is either. Of the products XᵀX it is the first right singular vector of X.
 *
 * @param matrix `[size, size]`, with no negative eigenvalue
 * @returns `[size]`; zeros for a matrix of zeros
 *
 * @example
 * ```ts
 * import { topDirection } from "./top_direction.ts";
 *
 * topDirection(Float64Array.of(2, 1, 1, 2), 2); // [√½, √½]
 * ```
 */
export function topDirection(matrix: Float64Array, size: number): Float64Array {
  // A start from the longest column is at right angles to the direction only where that column is zeros.
  let direction = longestColumn(matrix, size);
  for (let step = 0; step < MOST_STEPS; step++) {
    const next = normalized(product(matrix, direction, size));
    const moved = next.reduce((most, value, at) => Math.max(most, Math.abs(value - direction[at])), 0);
    direction = next;
    if (moved < 1e-12) break;
  }
  return direction;
}

function longestColumn(matrix: Float64Array, size: number): Float64Array {
  const columns = Array.from({ length: size }, (_, column) => matrix.filter((_, at) => at % size === column));
  return normalized(columns.reduce((one, other) => Math.hypot(...one) >= Math.hypot(...other) ? one : other));
}

function product(matrix: Float64Array, vector: Float64Array, size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, row) => {
    let sum = 0;
    for (let column = 0; column < size; column++) sum += matrix[row * size + column] * vector[column];
    return sum;
  });
}

function normalized(vector: Float64Array): Float64Array {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}
