import type { ModelConfig } from "../checkpoint.ts";
import type { RowNumbers } from "./family.ts";

/**
 * Puts the rows of q and k projections back into Hugging Face's order. llama.cpp's converter interleaves the two halves
 * of each head in some families (its `permute`): row 2j + i of a head in the file is row i · head_dim/2 + j of the head.
 */
export function halvesFromPairs<Numbers extends RowNumbers>(
  name: string,
  values: Numbers,
  { numAttentionHeads, numKeyValueHeads, headDim }: ModelConfig,
): Numbers {
  const [, projection] = name.match(/\.self_attn\.([qk])_proj\.(?:weight|bias)$/) ?? [];
  if (projection === undefined) return values;
  const rows = (projection === "q" ? numAttentionHeads : numKeyValueHeads) * headDim;
  const columns = values.length / rows;
  const restored = values.slice() as Numbers;
  for (let row = 0; row < rows; row++) {
    const inHead = row % headDim;
    const half = Math.floor(inHead / (headDim / 2));
    const stored = row - inHead + 2 * (inHead - half * (headDim / 2)) + half;
    restored.set(values.subarray(stored * columns, (stored + 1) * columns), row * columns);
  }
  return restored;
}
