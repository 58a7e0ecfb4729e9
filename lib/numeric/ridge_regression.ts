import { choleskyFactor, solveLower, solveTransposed } from "./cholesky.ts";

/**
 * Least squares with a penalty on the size of the weights: (XᵀX + λI) w = Xᵀy, for several targets at once. Examples are
 * added one by one and not kept.
 *
 * @example
 * ```ts
 * import { RidgeRegression } from "./ridge_regression.ts";
 *
 * const line = new RidgeRegression(2, 1);
 * for (const x of [0, 1, 2]) line.add([x, 1], [3 * x + 1]);
 * line.solve(1e-9); // [3, 1], but for rounding
 * ```
 */
export class RidgeRegression {
  readonly #features: number;
  readonly #targets: number;
  readonly #squares: Float64Array;
  readonly #products: Float64Array;

  /**
   * @param features length of an example
   * @param targets numbers to predict of each
   */
  constructor(features: number, targets: number) {
    this.#features = features;
    this.#targets = targets;
    this.#squares = new Float64Array(features * features);
    this.#products = new Float64Array(features * targets);
  }

  /** Takes one example, `[features]`, and what is to be predicted of it, `[targets]`. */
  add(example: ArrayLike<number>, wanted: ArrayLike<number>): void {
    for (let row = 0; row < this.#features; row++) {
      const value = example[row];
      if (value === 0) continue;
      for (let column = 0; column <= row; column++) {
        this.#squares[row * this.#features + column] += value * example[column];
      }
      for (let target = 0; target < this.#targets; target++) {
        this.#products[row * this.#targets + target] += value * wanted[target];
      }
    }
  }

  /**
   * The weights, `[targets, features]`, by Cholesky's decomposition.
   *
   * @throws {RangeError} if the penalty is too small for examples that depend on one another
   */
  solve(penalty: number): Float64Array {
    const size = this.#features;
    const normal = new Float64Array(this.#squares);
    for (let row = 0; row < size; row++) normal[row * size + row] += penalty;
    const lower = choleskyFactor(normal, size);
    if (lower === undefined) {
      throw new RangeError(`Cannot fit with penalty ${penalty} as the examples depend on one another: raise it`);
    }
    const weights = new Float64Array(this.#targets * size);
    for (let target = 0; target < this.#targets; target++) {
      const own = weights.subarray(target * size, (target + 1) * size);
      for (let row = 0; row < size; row++) own[row] = this.#products[row * this.#targets + target];
      solveLower(lower, own);
      solveTransposed(lower, own);
    }
    return weights;
  }
}
