import { quadraticForm } from "../numeric/quadratic_form.ts";
import { layerFrequencies, type MeanRotation, meanRotation, rotateVector } from "../numeric/rotary.ts";
import { softmax } from "../numeric/softmax.ts";
import { rowNorms, type Vector } from "../numeric/vectors.ts";
import { definePolicy, eachHead } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Policy, SINK_TOKENS } from "./policy.ts";

/** Options of {@linkcode expectedAttention}, with their defaults. */
export const EXPECTED_ATTENTION_OPTIONS = {
  /** Positions to come whose rotations are averaged over. */
  futurePositions: 512,
  /** The first tokens of the text, which stay. */
  sinkTokens: SINK_TOKENS,
  /**
   * Added to the probabilities before values weigh in, 0 as in kvpress. Where it is well above one share of the rows
   * (0.01 of a thousand rows), the ranking is mostly by values.
   */
  epsilon: 0,
} as const;

/**
 * The attention that queries to come will pay, were they distributed as the text's own: a Gaussian of the queries before
 * rotation, rotated to the positions that follow, gives E[exp(q·k)] in closed form; times the value's norm. Expected
 * Attention (Devoto et al. 2025, https://arxiv.org/abs/2510.00636), as kvpress has it.
 *
 * @throws {RangeError} if there are no positions to come, or epsilon is below 0
 */
export function expectedAttention(options: OptionsOf<typeof EXPECTED_ATTENTION_OPTIONS> = {}): Policy {
  const { futurePositions, sinkTokens, epsilon } = withDefaults(
    "expected_attention",
    EXPECTED_ATTENTION_OPTIONS,
    options,
  );
  checkCounts("expected_attention", { sinkTokens });
  checkCounts("expected_attention", { futurePositions }, 1);
  if (!(epsilon >= 0)) {
    throw new RangeError(`Cannot use epsilon ${epsilon} for expected_attention as it must be at least 0`);
  }
  return definePolicy({
    name: "expected_attention",
    paper: "Devoto et al. 2025, https://arxiv.org/abs/2510.00636",
    signals: ["queryMoments", "keys", "values"],
    score: eachHead(({ positions, signal }, { index, model }) => {
      const first = positions.findIndex((position) => position >= sinkTokens);
      const scores = new Float64Array(positions.length);
      if (first < 0) return scores;
      const keys = signal("keys").subarray(first * model.headDim);
      const next = (positions.at(-1) ?? 0) + 1;
      const rotation = meanRotation(layerFrequencies(model.rotary, index), next, futurePositions);
      const moments = signal("queryMoments");
      const size = model.headDim + model.headDim ** 2;
      for (let member = 0; member < model.groupSize; member++) {
        const { mean, covariance } = rotate(moments.subarray(member * size, (member + 1) * size), rotation);
        softmax(gaussianExponents(keys, mean, covariance)).forEach((probability, row) =>
          scores[first + row] += probability / model.groupSize
        );
      }
      const norms = rowNorms(signal("values"), model.headDim);
      return scores.map((score, row) => (score + epsilon) * norms[row]);
    }),
    protect: { sinks: sinkTokens },
  });
}

/** One query head's mean and covariance, `[head_dim + head_dim²]`, under R and R·Σ·Rᵀ. */
function rotate(moments: Vector, rotation: MeanRotation): { mean: Float64Array; covariance: Float64Array } {
  const width = 2 * rotation.cos.length;
  const mean = new Float64Array(moments.subarray(0, width));
  const covariance = new Float64Array(moments.subarray(width));
  rotateVector(mean, rotation);
  for (let column = 0; column < width; column++) rotateVector(covariance, rotation, column, width);
  for (let row = 0; row < width; row++) rotateVector(covariance, rotation, row * width);
  return { mean, covariance };
}

/** μ·k / √d + kᵀΣk / 2d of each key, `[rows, head_dim]` → `[rows]`; Σ is symmetric, so half of it is enough. */
function gaussianExponents(keys: Vector, mean: Float64Array, covariance: Float64Array): Float64Array {
  const width = mean.length;
  const upper = new Float64Array(width * width);
  for (let row = 0; row < width; row++) {
    upper[row * width + row] = covariance[row * width + row] / (2 * width);
    for (let column = row + 1; column < width; column++) {
      upper[row * width + column] = (covariance[row * width + column] + covariance[column * width + row]) / (2 * width);
    }
  }
  return quadraticForm(keys, mean.map((value) => value / Math.sqrt(width)), upper);
}
