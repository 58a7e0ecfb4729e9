import { leverageScores } from "../numeric/leverage_scores.ts";
import { layerFrequencies, meanRotation, rotateVector } from "../numeric/rotary.ts";
import { innerProduct, rowNorms, type Vector } from "../numeric/vectors.ts";
import { definePolicy, eachHead } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Policy, SINK_TOKENS } from "./policy.ts";

/** Added to weights in the sum over all rows, so that a row of no weight counts there. */
const EPSILON = 1e-6;
/** Norms are taken to be no smaller, as a vector of no length has no direction. */
const SMALLEST_NORM = 1e-12;

/** Options of {@linkcode cap}, with their defaults. */
export const CAP_OPTIONS = {
  /** How sharply weights follow the cosine of key and query. */
  tau: 5,
  /** Positions to come whose rotations are averaged over. */
  futurePositions: 512,
  /** The first tokens of the text, which stay. */
  sinkTokens: SINK_TOKENS,
} as const;

/**
 * Rows whose values say what no other value says: leverage scores of the values, each weighted by e^(τ·cos) of its key
 * with the text's mean query, turned to the positions that follow. CapKV (Yang et al. 2026,
 * https://arxiv.org/abs/2604.25975), as kvpress has it, which takes the cosine for the paper's inner product.
 *
 * @throws {RangeError} if there are no positions to come, or τ is not a finite number of at least 0
 */
export function cap(options: OptionsOf<typeof CAP_OPTIONS> = {}): Policy {
  const { tau, futurePositions, sinkTokens } = withDefaults("cap", CAP_OPTIONS, options);
  checkCounts("cap", { sinkTokens });
  checkCounts("cap", { futurePositions }, 1);
  if (!(tau >= 0 && tau < Infinity)) throw new RangeError(`Cannot use tau ${tau} for cap as it must be at least 0`);
  return definePolicy({
    name: "cap",
    paper: "Yang et al. 2026, https://arxiv.org/abs/2604.25975",
    signals: ["queryMoments", "keys", "values"],
    score: eachHead(({ positions, signal }, { index, model: { headDim, groupSize, rotary } }) => {
      const scores = new Float64Array(positions.length);
      const first = positions.findIndex((position) => position >= sinkTokens);
      if (first < 0) return scores;
      const [keys, values] = [signal("keys"), signal("values")].map((vectors) => vectors.subarray(first * headDim));
      const next = (positions.at(-1) ?? 0) + 1;
      const rotation = meanRotation(layerFrequencies(rotary, index), next, futurePositions);
      const moments = signal("queryMoments");
      for (let member = 0; member < groupSize; member++) {
        const start = member * (headDim + headDim ** 2);
        const query = new Float64Array(moments.subarray(start, start + headDim));
        rotateVector(query, rotation);
        const weights = relevance(keys, query, tau);
        const leverages = leverageScores(values, headDim, 1, weights.map((weight) => weight + EPSILON));
        weights.forEach((weight, row) => scores[first + row] += weight * leverages[row] / groupSize);
      }
      return scores;
    }),
    protect: { sinks: sinkTokens },
  });
}

/** e^(τ·cos) of each key, `[rows, head_dim]`, with a query, `[head_dim]`; the largest is 1: `[rows]`. */
function relevance(keys: Vector, query: Float64Array, tau: number): Float64Array {
  const width = query.length;
  const [length] = rowNorms(query, width).map((norm) => Math.max(norm, SMALLEST_NORM));
  const exponents = rowNorms(keys, width).map((norm, row) =>
    tau * innerProduct(keys, row * width, query, 0, width) / (Math.max(norm, SMALLEST_NORM) * length)
  );
  const highest = exponents.reduce((most, value) => Math.max(most, value), -Infinity);
  return exponents.map((value) => Math.exp(value - highest));
}
