import type { KvCache } from "./kv_cache.ts";

/**
 * Rewinds a cache to the longest prefix that it shares with a text and can still rewind to, so that only the rest is
 * read.
 *
 * @param ids ids of the whole text
 * @returns the ids left to read: at least the last one, whose logits the answer begins with
 * @throws {RangeError} if the text is empty, or an eviction took the whole shared prefix
 *
 * @example Another question about a text that was read in an earlier run
 * ```ts ignore
 * import { loadModel, reusePrefix } from "kvmirror/engine";
 *
 * await using model = await loadModel("auto");
 * const cache = await model.loadCache("story.kvcache");
 * const ids = model.tokenizer.encode(await Deno.readTextFile("story and question.txt"));
 * const { text } = await model.generateFrom(reusePrefix(cache, ids), { cache });
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
