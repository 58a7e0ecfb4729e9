import { innerProduct, rowNorms, type Vector } from "../numeric/vectors.ts";
import { definePolicy, eachHead } from "./define_policy.ts";
import type { Policy } from "./policy.ts";

/**
 * Rows whose keys point away from the mean direction stay: KeyDiff (Park et al. 2025, https://arxiv.org/abs/2504.15364).
 */
export function keydiff(): Policy {
  return definePolicy({
    name: "keydiff",
    paper: "Park et al. 2025, https://arxiv.org/abs/2504.15364",
    signals: ["keys"],
    score: eachHead((head, { model }) => unlikeness(head.signal("keys"), model.headDim)),
  });
}

/** The negated cosine of each key with the mean of the keys' directions: `[rows]`. */
function unlikeness(keys: Vector, width: number): Float64Array {
  // A key of no length has no direction; the smallest norm keeps the division finite, as PyTorch's normalize does.
  const norms = rowNorms(keys, width).map((norm) => Math.max(norm, 1e-12));
  const anchor = new Float64Array(width);
  for (let row = 0; row < norms.length; row++) {
    const share = 1 / (norms[row] * norms.length);
    for (let index = 0; index < width; index++) anchor[index] += keys[row * width + index] * share;
  }
  const length = Math.max(Math.hypot(...anchor), 1e-12);
  return norms.map((norm, row) => -innerProduct(keys, row * width, anchor, 0, width) / (norm * length));
}
