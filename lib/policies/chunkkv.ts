import { topK } from "../numeric/top_k.ts";
import type { Vector } from "../numeric/vectors.ts";
import { definePolicy } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import type { Budget, Policy, Scores } from "./policy.ts";
import { scorerOf } from "./wrap.ts";

/** Options of {@linkcode chunkkv}, with their defaults. */
export const CHUNKKV_OPTIONS = {
  /** Rows of a chunk. */
  chunkLength: 20,
} as const;

/**
 * Keeps whole chunks of neighboring rows, the same in every head of a layer, by their mean score: ChunkKV (Liu et al.
 * 2025, https://arxiv.org/abs/2502.00299). Heads of lengths of their own have chunks of their own.
 *
 * @throws {TypeError} if the policy cannot be wrapped
 * @throws {RangeError} if the chunk's length is no whole number of at least 1
 */
export function chunkkv(policy: Policy, options: OptionsOf<typeof CHUNKKV_OPTIONS> = {}): Policy {
  const { chunkLength } = withDefaults("chunkkv", CHUNKKV_OPTIONS, options);
  checkCounts("chunkkv", { chunkLength }, 1);
  const definition = scorerOf(policy, "chunkkv");
  return definePolicy({
    ...definition,
    name: `chunkkv(${definition.name})`,
    paper: "Liu et al. 2025, https://arxiv.org/abs/2502.00299",
    select: (scores, counts, budget) => {
      const [{ length }] = scores;
      if (!scores.every((own) => own.length === length)) {
        return scores.map((own, head) => keepChunks([own], counts.subarray(head, head + 1), budget, chunkLength)[0]);
      }
      return keepChunks(scores, counts, budget, chunkLength);
    },
  });
}

function keepChunks(scores: Scores, counts: Uint32Array, { ratio }: Budget, chunkLength: number): Uint32Array[] {
  const [{ length }] = scores;
  if (length < chunkLength) return scores.map((own, head) => topK(own, counts[head]));
  const means = chunkMeans(scores, chunkLength);
  const rows = [...topK(means, Math.max(1, Math.floor(means.length * (1 - ratio))))].flatMap((chunk) =>
    Array.from({ length: Math.min(chunkLength, length - chunk * chunkLength) }, (_, row) => chunk * chunkLength + row)
  );
  return scores.map(() => Uint32Array.from(rows));
}

/** Scores of a layer's chunks, summed over heads of the same length, the mean over rows; the last may be short. */
export function chunkMeans(scores: Scores, chunkLength: number): Float64Array {
  const [{ length }] = scores;
  return Float64Array.from({ length: Math.ceil(length / chunkLength) }, (_, chunk) => {
    const [first, end] = [chunk * chunkLength, Math.min(length, (chunk + 1) * chunkLength)];
    return scores.reduce((sum, own) => sum + total(own, first, end), 0) / (end - first);
  });
}

function total(scores: Vector, first: number, end: number): number {
  let sum = 0;
  for (let row = first; row < end; row++) sum += scores[row];
  return sum;
}
