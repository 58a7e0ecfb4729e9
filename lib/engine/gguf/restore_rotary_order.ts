/**
 * Puts the rows of a Llama q or k projection back into Hugging Face's order. llama.cpp's converter interleaves the two
 * halves of each head (its `permute`): row 2j + i of a head in the file is row i · head_dim/2 + j of the head.
 *
 * @param values `[heads · head_dim, columns]`, row-major
 * @returns the same shape, in memory of its own
 */
export function restoreRotaryOrder(values: Float32Array, heads: number, headDim: number): Float32Array<ArrayBuffer> {
  const columns = values.length / (heads * headDim);
  const restored = new Float32Array(values.length);
  for (let row = 0; row < heads * headDim; row++) {
    const inHead = row % headDim;
    const half = Math.floor(inHead / (headDim / 2));
    const stored = row - inHead + 2 * (inHead - half * (headDim / 2)) + half;
    restored.set(values.subarray(stored * columns, (stored + 1) * columns), row * columns);
  }
  return restored;
}
