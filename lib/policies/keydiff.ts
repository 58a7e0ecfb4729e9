import { definePolicy, eachHead } from "./define_policy.ts";
import { rowNorms } from "./row_norms.ts";
import type { Policy, Vector } from "./policy.ts";

/**
 * Rows whose keys point away from the mean direction stay: KeyDiff (Park et al. 2025, https://arxiv.org/abs/2504.15364).
 */
export function keydiff(): Policy {
  return definePolicy({
    name: "keydiff",
    paper: "Park et al. 2025, https://arxiv.org/abs/2504.15364",
    needs: ["keys"],
    score: eachHead((head, { model }) => unlikeness(head.signal("keys"), model.headDim)),
  });
}

/** The negated cosine of each key with the mean of the keys' directions: `[rows]`. */
function unlikeness(keys: Vector, width: number): Float64Array {
  // A key of no length has no direction; the smallest norm keeps the division finite, as PyTorch's normalize does.
  const norms = rowNorms(keys, width).map((norm) => Math.max(norm, 1e-12));
  const anchor = new Float64Array(width);
  norms.forEach((norm, row) => {
    for (let index = 0; index < width; index++) anchor[index] += keys[row * width + index] / norm / norms.length;
  });
  const [length] = rowNorms(anchor, width);
  return norms.map((norm, row) => {
    let product = 0;
    for (let index = 0; index < width; index++) product += keys[row * width + index] * anchor[index];
    return -product / (norm * Math.max(length, 1e-12));
  });
}
