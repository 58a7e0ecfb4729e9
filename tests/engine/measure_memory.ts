/** Prints live, allocated and resident bytes of 16 MB of rows before and after three quarters of them go. */
import { policy } from "kvmirror/policies";
import { appendMadeUp, madeUpCache, SHAPE } from "./made_up_cache.ts";

const collect = (globalThis as { gc?: () => void }).gc!;
const cache = madeUpCache(2);
const bytesPerRow = SHAPE.layerCount * SHAPE.kvHeadCount * SHAPE.headDim * 2 * 4;
appendMadeUp(cache, Math.ceil(16 * 2 ** 20 / bytesPerRow), 3);
const measure = (): Record<string, number> => {
  collect();
  return { live: cache.liveBytes, allocated: cache.allocatedBytes, resident: Deno.memoryUsage().rss };
};
const before = measure();
cache.compress(policy("streaming_llm"), { compressionRatio: 0.75 });
console.log(JSON.stringify({ before, after: measure() }));
