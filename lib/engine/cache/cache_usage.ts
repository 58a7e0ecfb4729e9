import type { Displayable } from "../../display/display.ts";
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
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type CacheUsage, usageByLayer } from "kvmirror";
 * import { cacheUsage, loadModel, recordingsFor } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const bound = { policy: policy("adakv(snapkv)"), rows: 32, compressionInterval: 16 };
 * using cache = model.createCache(recordingsFor(bound.policy.signals));
 * const history: CacheUsage[] = [];
 * await model.read(cache, model.tokenizer.encode("The rain fell in torrents on the harbour. ".repeat(8)), {
 *   bound,
 *   onProgress: () => history.push(cacheUsage(cache)),
 * });
 * const now = usageByLayer(history).filter(({ tokens }) => tokens === cache.tokenCount);
 * assertEquals(now.reduce((sum, { live_bytes }) => sum + live_bytes, 0), cache.liveBytes);
 * ```
 */
export function cacheUsage(cache: KvCache): CacheUsage & Displayable {
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
