/**
 * Cholesky's decomposition of a symmetric matrix of which the lower triangle is read: the L of A = LLᵀ, `[size, size]`,
 * its upper triangle as given. Undefined if the matrix is not positive definite.
 *
 * @param matrix A, `[size, size]`
 */
export function choleskyFactor(matrix: Float64Array, size: number): Float64Array | undefined {
  const lower = new Float64Array(matrix);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = lower[row * size + column];
      for (let inner = 0; inner < column; inner++) rest -= lower[row * size + inner] * lower[column * size + inner];
      if (column < row) lower[row * size + column] = rest / lower[column * size + column];
      else if (rest > 0) lower[row * size + row] = Math.sqrt(rest);
      else return undefined;
    }
  }
  return lower;
}

/** Solves Ly = x for a lower triangular L: x, `[size]`, becomes y. */
export function solveLower(lower: Float64Array, vector: Float64Array): void {
  const size = vector.length;
  for (let row = 0; row < size; row++) {
    let rest = vector[row];
    for (let column = 0; column < row; column++) rest -= lower[row * size + column] * vector[column];
    vector[row] = rest / lower[row * size + row];
  }
}

/** Solves Lᵀy = x for a lower triangular L: x, `[size]`, becomes y. */
export function solveTransposed(lower: Float64Array, vector: Float64Array): void {
  const size = vector.length;
  for (let row = size - 1; row >= 0; row--) {
    let rest = vector[row];
    for (let column = row + 1; column < size; column++) rest -= lower[column * size + row] * vector[column];
    vector[row] = rest / lower[row * size + row];
  }
}
