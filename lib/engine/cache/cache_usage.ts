import { type CacheUsage, usageOfHeads } from "../../metrics/cache_usage.ts";
import { cacheDtypeName } from "../rows/cache_dtype.ts";
import type { KvCache } from "./kv_cache.ts";

/**
 * Measures a live cache: the rows and bytes of each layer and kv head, and the positions that each retains. Several
 * usages, taken one after the other, are its history (`usageByLayer` makes a table of them).
 *
 * @throws {RangeError} if the cache has no kv heads
 *
 * @example Rows by layer while a text is read under a bound
 * ```ts ignore
 * import { usageByLayer } from "kvmirror";
 * import { cacheUsage, loadModel, recordingsFor } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 * import { table } from "kvmirror/report";
 *
 * await using model = await loadModel("auto");
 * const bound = { policy: policy("adakv(snapkv)"), rows: 256, compressionInterval: 64 };
 * const ids = model.tokenizer.encode(await Deno.readTextFile("story.txt"));
 * using cache = model.createCache(recordingsFor(bound.policy.signals));
 * const history = [];
 * await model.read(cache, ids, { bound, onProgress: () => history.push(cacheUsage(cache)) });
 * console.log(table(usageByLayer(history)).markdown);
 * ```
 */
export function cacheUsage(cache: KvCache): CacheUsage {
  const { layerCount, kvHeadCount } = cache.shape;
  const layers = Array.from(
    { length: layerCount },
    (_, layer) =>
      Array.from({ length: kvHeadCount }, (_, head) => ({
        positions: cache.rowPositions(layer, head),
        dtype: cacheDtypeName(cache.cacheDtype),
        liveBytes: cache.headBytes(layer, head).live,
        allocatedBytes: cache.headBytes(layer, head).allocated,
      })),
  );
  return usageOfHeads(layers, cache.tokenCount);
}
