import type { KvCache, Model } from "../../engine/mod.ts";

/**
 * Milliseconds of each of `count` greedy tokens on a cache, which stays as it is: they go on in a fork. A token more is
 * decoded first and not counted.
 *
 * @throws {RangeError} if the cache is empty, or the tokens do not fit the model's context
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { decodeTimes } from "kvmirror/eval";
 *
 * await using model = await loadModel("tiny");
 * using cache = await model.prefill("A text.");
 * assertEquals((await decodeTimes(model, cache, 8)).length, 8); // ms a token
 * ```
 */
export async function decodeTimes(
  model: Pick<Model, "generateFrom">,
  cache: KvCache,
  count: number,
): Promise<number[]> {
  const last = cache.tokenIds().at(-1);
  if (last === undefined) throw new RangeError("Cannot decode on an empty cache: read a text first");
  using fork = cache.fork();
  const arrivals: number[] = [];
  const options = { cache: fork, maxNewTokens: count + 1, ignoreEos: true } as const;
  for await (const _ of model.generateFrom([last], options)) arrivals.push(performance.now());
  if (arrivals.length <= count) {
    throw new RangeError(
      `Cannot time ${count} tokens as the model's context ends after ${arrivals.length}: take fewer`,
    );
  }
  return arrivals.slice(1).map((time, index) => time - arrivals[index]);
}
