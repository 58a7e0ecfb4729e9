import type { KvCache } from "./kv_cache.ts";

/**
 * Rewinds a cache to the longest prefix that it shares with a text and can still rewind to, so that only the rest is
 * read.
 *
 * @param ids ids of the whole text
 * @returns the ids left to read: at least the last one, whose logits the answer begins with
 * @throws {RangeError} if the text is empty, or an eviction took the whole shared prefix
 *
 * @example Another question about a text that was read before
 * ```ts
 * import { assert, assertStringIncludes } from "@std/assert";
 * import { loadModel, reusePrefix } from "kvmirror/engine";
 *
 * await using model = await loadModel("tiny");
 * const story = "The special number for whale is 4711. The special number for ship is 2305.";
 * const ids = ["ship", "whale"].map((name) =>
 *   model.tokenizer.encode(`${story}\n\nQuestion: What is the special number for ${name}?\nAnswer:`)
 * );
 * using cache = model.createCache();
 * await model.read(cache, ids[0]);
 * const rest = reusePrefix(cache, ids[1]);
 * assert(rest.length < ids[1].length);
 * const { text } = await model.generateFrom(rest, { cache, maxNewTokens: 24 });
 * assertStringIncludes(text, "4711");
 * ```
 */
export function reusePrefix(cache: KvCache, ids: readonly number[]): number[] {
  if (ids.length === 0) throw new RangeError("Cannot read an empty text: give at least one token");
  const read = cache.tokenIds();
  let shared = 0;
  while (shared < read.length && shared < ids.length - 1 && read[shared] === ids[shared]) shared++;
  const range = cache.rewindRanges.findLast(({ first }) => first <= shared);
  if (range === undefined) cache.rewind(shared); // throws, and names the positions still available
  else cache.rewind(Math.min(shared, range.last));
  return ids.slice(cache.tokenCount);
}
