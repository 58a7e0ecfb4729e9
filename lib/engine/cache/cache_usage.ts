import { type CacheAccount, cacheAccount } from "../../metrics/cache_usage.ts";
import { rowFormatName } from "../rows/cache_dtype.ts";
import type { KvCache } from "./kv_cache.ts";

/**
 * Accounts for a live cache as it stands: rows and bytes of each layer and kv head, and which tokens survive where. Taken
 * at several moments, the accounts tell its course (`layerAccounts` makes a table of them).
 *
 * @throws {RangeError} if the cache has no kv heads
 *
 * @example Rows by layer while a text is read under a bound
 * ```ts ignore
 * import { layerAccounts } from "kvmirror";
 * import { accountOf, loadModel, tapsFor } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 * import { table } from "kvmirror/report";
 *
 * await using model = await loadModel("auto");
 * const bound = { policy: policy("adakv(snapkv)"), rows: 256, every: 64 };
 * const ids = model.tokenizer.encode(await Deno.readTextFile("story.txt"));
 * using cache = model.createCache(tapsFor(bound.policy.needs));
 * const course = [];
 * await model.read(cache, ids, { bound, onProgress: () => course.push(accountOf(cache)) });
 * console.log(table(layerAccounts(course)).markdown);
 * ```
 */
export function accountOf(cache: KvCache): CacheAccount {
  const { layerCount, kvHeadCount } = cache.shape;
  const layers = Array.from(
    { length: layerCount },
    (_, layer) =>
      Array.from({ length: kvHeadCount }, (_, head) => ({
        positions: cache.rowPositions(layer, head),
        dtype: rowFormatName(cache.rowFormat),
        liveBytes: cache.headBytes(layer, head).live,
        allocatedBytes: cache.headBytes(layer, head).allocated,
      })),
  );
  return cacheAccount(layers, cache.tokenCount);
}
