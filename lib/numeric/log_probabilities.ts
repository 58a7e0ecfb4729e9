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
  for (let id = 0; id < logits.length; id++) highest = Math.max(highest, logits[id]);
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - highest);
  const shift = highest + Math.log(sum);
  const shifted = new Float32Array(logits.length);
  for (let id = 0; id < logits.length; id++) shifted[id] = logits[id] - shift;
  return shifted;
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
