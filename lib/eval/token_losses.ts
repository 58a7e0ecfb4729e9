import { logProbabilities } from "../numeric/log_probabilities.ts";

/**
 * Negative log-probability of each token in nats, from the logits before it: `[tokens]`.
 *
 * @param logits `[tokens, vocab]`
 */
export function tokenLosses(logits: Float32Array, ids: readonly number[]): number[] {
  const vocab = logits.length / ids.length;
  return ids.map((id, step) => -logProbabilities(logits.subarray(step * vocab, (step + 1) * vocab))[id]);
}
