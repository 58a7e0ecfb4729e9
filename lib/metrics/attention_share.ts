/**
 * The share of each head's attention that falls on some tokens.
 *
 * @param attention attention received, `[heads, tokens]`
 * @param tokens tokens in the text; `attention` has as many columns
 * @param chosen indices of the tokens that count, each once
 * @returns shares in [0, 1], `[heads]`; 0 for a head without any attention
 * @throws {TypeError} if `attention` is no whole number of rows of `tokens`
 * @throws {RangeError} if a chosen token is not in the text
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { attentionShare } from "kvmirror";
 *
 * assertEquals(attentionShare(Float64Array.of(3, 1, 0, 0, 2, 2), 3, [0, 1]), Float64Array.of(1, 0.5));
 * ```
 */
export function attentionShare(
  attention: Float32Array | Float64Array,
  tokens: number,
  chosen: readonly number[],
): Float64Array<ArrayBuffer> {
  if (!Number.isSafeInteger(tokens) || tokens < 1 || attention.length % tokens !== 0) {
    throw new TypeError(`Cannot read ${attention.length} values as rows of ${tokens} tokens`);
  }
  const outside = chosen.find((token) => !(token >= 0 && token < tokens));
  if (outside !== undefined) throw new RangeError(`Cannot count token ${outside} as the text has ${tokens}`);
  return Float64Array.from({ length: attention.length / tokens }, (_, head) => {
    const row = attention.subarray(head * tokens, (head + 1) * tokens);
    let total = 0;
    for (const value of row) total += value;
    return total === 0 ? 0 : chosen.reduce((sum, token) => sum + row[token], 0) / total;
  });
}
