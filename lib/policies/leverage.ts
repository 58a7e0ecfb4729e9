import { leverageScores } from "../numeric/leverage_scores.ts";
import { MersenneTwister } from "../numeric/mersenne_twister.ts";
import { standardScores } from "../numeric/standard_scores.ts";
import { innerProduct, type Vector } from "../numeric/vectors.ts";
import { definePolicy } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import type { Policy } from "./policy.ts";

/** Added to the diagonal of a sketch's products, so that they can be inverted. */
const RIDGE = 0.01;

/** Options of {@linkcode leverage}, with their defaults. */
export const LEVERAGE_OPTIONS = {
  /** Numbers that a key is sketched by. */
  sketchSize: 48,
  /** Another seed, other sketches. */
  seed: 0,
} as const;

/**
 * Rows whose keys, before rotation, point where few others do: leverage scores of the centered keys, each multiplied by
 * a Gaussian matrix of the head's own. The part of Compactor that looks at keys (Chari and Van Durme 2025,
 * https://arxiv.org/abs/2507.08143), as kvpress has it, whose matrices are other draws.
 *
 * @throws {RangeError} if the sketch has no numbers, or the seed is no whole number
 */
export function leverage(options: OptionsOf<typeof LEVERAGE_OPTIONS> = {}): Policy {
  const { sketchSize, seed } = withDefaults("leverage", LEVERAGE_OPTIONS, options);
  checkCounts("leverage", { sketchSize }, 1);
  checkCounts("leverage", { seed });
  const width = sketchSize + sketchSize % 2;
  return definePolicy({
    name: "leverage",
    paper: "Chari and Van Durme 2025, https://arxiv.org/abs/2507.08143",
    signals: ["unrotatedKeys"],
    score: ({ index, heads, model }) =>
      standardScores(heads.map(({ signal }, kvHead) => {
        const matrix = gaussianMatrix([seed, index, kvHead], sketchSize, model.headDim);
        const keys = centered(signal("unrotatedKeys"), model.headDim);
        return leverageScores(sketches(keys, matrix, model.headDim, width), width, RIDGE);
      })),
  });
}

/**
 * Numbers of variance 1 / size, `[size, head_dim]`: `random.Random(seed << 32 | layer << 16 | kvHead)` of CPython draws
 * them by `gauss(0, 1)`, a dimension of the keys after the other.
 */
function gaussianMatrix(
  [seed, layer, kvHead]: readonly [number, number, number],
  size: number,
  headDim: number,
): Float64Array {
  const stream = new MersenneTwister(BigInt(seed) << 32n | BigInt(layer) << 16n | BigInt(kvHead));
  const matrix = new Float64Array(size * headDim);
  for (let dim = 0; dim < headDim; dim++) {
    for (let at = 0; at < size; at++) matrix[at * headDim + dim] = stream.gaussian() / Math.sqrt(size);
  }
  return matrix;
}

/** The vectors without their mean: `[rows, width]`. */
function centered(vectors: Vector, width: number): Float64Array {
  const rows = vectors.length / width;
  const means = new Float64Array(width);
  for (let at = 0; at < vectors.length; at++) means[at % width] += vectors[at] / rows;
  const own = new Float64Array(vectors);
  for (let at = 0; at < own.length; at++) own[at] -= means[at % width];
  return own;
}

/** The inner products of each key, `[rows, head_dim]`, with those of a matrix: `[rows, width]`, the last 0 if one is over. */
function sketches(keys: Float64Array, matrix: Float64Array, headDim: number, width: number): Float64Array {
  const rows = keys.length / headDim;
  const products = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at * headDim < matrix.length; at++) {
      products[row * width + at] = innerProduct(keys, row * headDim, matrix, at * headDim, headDim);
    }
  }
  return products;
}
