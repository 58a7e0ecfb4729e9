import { choleskyFactor, solveLower, solveTransposed } from "./cholesky.ts";

/** Examples that are summed up at once, as the sums are larger than a processor's caches. */
const TOGETHER = 4;

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
  /** Examples that wait to be summed up together, `[features, TOGETHER]`, zeros behind the last. */
  readonly #examples: Float64Array;
  readonly #wanted: Float64Array;
  #waiting = 0;

  /**
   * @param features length of an example
   * @param targets numbers to predict of each
   */
  constructor(features: number, targets: number) {
    this.#features = features;
    this.#targets = targets;
    this.#squares = new Float64Array(features * features);
    this.#products = new Float64Array(features * targets);
    this.#examples = new Float64Array(features * TOGETHER);
    this.#wanted = new Float64Array(targets * TOGETHER);
  }

  /** Takes one example, `[features]`, and what is to be predicted of it, `[targets]`. */
  add(example: ArrayLike<number>, wanted: ArrayLike<number>): void {
    for (let feature = 0; feature < this.#features; feature++) {
      this.#examples[feature * TOGETHER + this.#waiting] = example[feature];
    }
    for (let target = 0; target < this.#targets; target++) {
      this.#wanted[target * TOGETHER + this.#waiting] = wanted[target];
    }
    if (++this.#waiting === TOGETHER) this.#sumUp();
  }

  /** Adds the products of the examples that wait. */
  #sumUp(): void {
    const [features, targets, squares, products] = [this.#features, this.#targets, this.#squares, this.#products];
    const [examples, wanted] = [this.#examples, this.#wanted];
    for (let row = 0; row < features; row++) {
      const at = row * TOGETHER;
      const [a, b, c, d] = [examples[at], examples[at + 1], examples[at + 2], examples[at + 3]];
      for (let column = 0, from = 0, to = row * features; column <= row; column++, from += TOGETHER, to++) {
        squares[to] += a * examples[from] + b * examples[from + 1] + c * examples[from + 2] + d * examples[from + 3];
      }
      for (let target = 0, from = 0; target < targets; target++, from += TOGETHER) {
        products[row * targets + target] += a * wanted[from] + b * wanted[from + 1] + c * wanted[from + 2] +
          d * wanted[from + 3];
      }
    }
    examples.fill(0);
    wanted.fill(0);
    this.#waiting = 0;
  }

  /**
   * The weights, `[targets, features]`, by Cholesky's decomposition.
   *
   * @throws {RangeError} if the penalty is too small for examples that depend on one another
   */
  solve(penalty: number): Float64Array {
    this.#sumUp();
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
