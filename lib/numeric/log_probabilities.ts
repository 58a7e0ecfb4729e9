/**
 * Logits to natural log-probabilities, `[vocab]` each.
 *
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { logProbabilities } from "kvmirror";
 *
 * assertAlmostEquals(logProbabilities(Float32Array.of(1, 1))[0], Math.log(0.5), 1e-6);
 * ```
 */
export function logProbabilities(logits: Float32Array): Float32Array<ArrayBuffer> {
  let highest = -Infinity;
  for (const logit of logits) highest = Math.max(highest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  const shift = highest + Math.log(sum);
  return Float32Array.from(logits, (logit) => logit - shift);
}

/**
 * Negative log-probability of each token in nats, from the logits before it: `[tokens]`.
 *
 * @param logits `[tokens, vocab]`
 */
export function tokenLosses(logits: Float32Array, ids: readonly number[]): number[] {
  const vocab = logits.length / ids.length;
  return ids.map((id, step) => -logProbabilities(logits.subarray(step * vocab, (step + 1) * vocab))[id]);
}
