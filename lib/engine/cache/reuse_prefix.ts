import type { KvCache } from "./kv_cache.ts";

/**
 * Takes a cache back to the longest beginning that it shares with a text and that can still be had, so that only the rest
 * is read: a long prompt that changes at its end costs its end.
 *
 * @param ids of the whole text
 * @returns the ids left to read; at least the last one, as it has the logits
 * @throws {RangeError} if the text is empty, or nothing that they share can be had
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
  const reached = cache.rewindRanges.findLast(({ first }) => first <= shared);
  if (reached === undefined) cache.rewind(shared); // refuses, and names what can be had
  else cache.rewind(Math.min(shared, reached.last));
  return ids.slice(cache.tokenCount);
}
