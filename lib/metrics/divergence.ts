import { logProbabilities } from "../numeric/log_probabilities.ts";

/**
 * Kullback–Leibler divergence of what a model says from what it should say, in nats: Σ p·(log p − log q).
 *
 * @param reference logits of the full cache, `[vocab]`
 * @param logits logits to judge, `[vocab]`
 * @throws {TypeError} if the two differ in length
 *
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { divergence } from "kvmirror";
 *
 * assertAlmostEquals(divergence(Float32Array.of(0, 0), Float32Array.of(0, Math.log(3))), Math.log(2 / Math.sqrt(3)), 1e-6);
 * ```
 */
export function divergence(reference: Float32Array, logits: Float32Array): number {
  if (reference.length !== logits.length) {
    throw new TypeError(`Cannot compare ${logits.length} logits with ${reference.length} as the lengths must be equal`);
  }
  return logDivergence(logProbabilities(reference), logProbabilities(logits));
}

/** {@linkcode divergence} of log-probabilities, `[vocab]` each: for a reference that much is compared with. */
export function logDivergence(expected: Float32Array, actual: Float32Array): number {
  let sum = 0;
  for (let id = 0; id < expected.length; id++) sum += Math.exp(expected[id]) * (expected[id] - actual[id]);
  return sum;
}
