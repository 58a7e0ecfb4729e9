import type { ModelConfig } from "../checkpoint.ts";
import type { RowNumbers } from "./family.ts";

/**
 * Puts the rows of q and k projections back into Hugging Face's order. llama.cpp's converter interleaves the two halves
 * of each head in some families (its `permute`): row 2j + i of a head in the file is row i · head_dim/2 + j of the head.
 */
export function halvesFromPairs<Numbers extends RowNumbers>(
  name: string,
  values: Numbers,
  config: ModelConfig,
): Numbers {
  const half = config.headDim / 2;
  return reordered(name, values, config, (inHead) => {
    const second = Math.floor(inHead / half);
    return 2 * (inHead - second * half) + second;
  });
}

/**
 * Spreads the dimensions that turn over both halves of a head, where only the first `rotaryDim` do: the graph turns
 * pairs (i, i + head_dim/2), those of frequency 0 not at all. Queries and keys change alike, so that scores stay.
 */
export function turningFirst<Numbers extends RowNumbers>(
  name: string,
  values: Numbers,
  config: ModelConfig,
): Numbers {
  const { headDim, rotaryDim } = config;
  if (rotaryDim === headDim) return values;
  const [half, turning] = [headDim / 2, rotaryDim / 2];
  return reordered(name, values, config, (inHead) => {
    const [second, place] = [inHead < half ? 0 : 1, inHead % half];
    if (place < turning) return second * turning + place;
    return rotaryDim + second * (half - turning) + place - turning;
  });
}

/** Rows of each head of q and k projections in another order: row i of a head is taken from row `from(i)` of it. */
function reordered<Numbers extends RowNumbers>(
  name: string,
  values: Numbers,
  { numAttentionHeads, numKeyValueHeads, headDim }: ModelConfig,
  from: (inHead: number) => number,
): Numbers {
  const [, projection] = name.match(/\.self_attn\.([qk])_proj\.(?:weight|bias)$/) ?? [];
  if (projection === undefined) return values;
  const rows = (projection === "q" ? numAttentionHeads : numKeyValueHeads) * headDim;
  const columns = values.length / rows;
  const restored = values.slice() as Numbers;
  for (let row = 0; row < rows; row++) {
    const inHead = row % headDim;
    const stored = row - inHead + from(inHead);
    restored.set(values.subarray(stored * columns, (stored + 1) * columns), row * columns);
  }
  return restored;
}
