import { averagePool } from "../numeric/average_pool.ts";
import { standardScores } from "../numeric/standard_scores.ts";
import { rowNorms } from "../numeric/vectors.ts";
import { definePolicy } from "./define_policy.ts";
import type { Policy } from "./policy.ts";

/** Neighbors over which scores are averaged. */
const POOL = 3;

/**
 * Rows that a chunk of the text would look at if its queries saw later tokens too, times the length of their values: the
 * part of Compactor that looks at attention (Chari and Van Durme 2025, https://arxiv.org/abs/2507.08143), as kvpress has
 * it. A chunk is what one run of the prefill reads, 256 tokens. A cache has the scores if it was read for this policy:
 * `prefill` takes `prefillRecordings`.
 */
export function nonCausal(): Policy {
  return definePolicy({
    name: "non_causal",
    paper: "Chari and Van Durme 2025, https://arxiv.org/abs/2507.08143",
    signals: ["nonCausalAttention", "values"],
    score: ({ heads, model }) =>
      standardScores(heads.map(({ signal }) => {
        const [attention, norms] = [signal("nonCausalAttention"), rowNorms(signal("values"), model.headDim)];
        return averagePool(Float64Array.from(norms, (norm, row) => norm * attention[row]), POOL);
      })),
  });
}
