/**
 * The share of kv heads that still hold each token, over all layers: `[tokens]`, in [0, 1]. Times the heads it sums to
 * the rows of the cache.
 *
 * @param layers positions in the text of each head's rows, `[layer][kv head][row]`, ascending
 * @param tokens tokens of the text, evicted or not
 * @throws {RangeError} if there are no heads, or positions are not ascending, unique and below `tokens`; names the head
 *
 * @example Two heads hold the first of three tokens, one the last
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { tokenRetention } from "./token_retention.ts";
 *
 * assertEquals([...tokenRetention([[[0, 2]], [[0]]], 3)], [1, 0, 0.5]);
 * ```
 */
export function tokenRetention(layers: readonly (readonly ArrayLike<number>[])[], tokens: number): Float64Array {
  if (!Number.isSafeInteger(tokens) || tokens < 0) {
    throw new RangeError(`Cannot account for ${tokens} tokens as it must be a whole number of at least 0`);
  }
  const heads = layers.reduce((sum, layer) => sum + layer.length, 0);
  if (heads === 0) throw new RangeError("Cannot tell which tokens survive in 0 kv heads: give at least one");
  const holders = new Float64Array(tokens);
  layers.forEach((layer, index) =>
    layer.forEach((positions, head) => {
      let previous = -1;
      for (let row = 0; row < positions.length; row++) {
        const position = positions[row];
        if (!(Number.isSafeInteger(position) && position > previous && position < tokens)) {
          throw new RangeError(
            `Cannot account for position ${position} of layer ${index}, kv head ${head} as positions must ascend, ` +
              `below the ${tokens} tokens of the text`,
          );
        }
        holders[position]++;
        previous = position;
      }
    })
  );
  return holders.map((count) => count / heads);
}
