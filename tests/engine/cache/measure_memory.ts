import { defaultFrequencies } from "../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../fixtures/uniform_rotary.ts";
/** Prints live, allocated and resident bytes of 64 MB of rows before and after three quarters of them go. */
import { KvCache } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { appendRows } from "../../fixtures/append_rows.ts";

const collect = (globalThis as { gc?: () => void }).gc!;
const cache = new KvCache({
  layerCount: 4,
  kvHeadCount: 4,
  groupSize: 1,
  headDim: 64,
  rotary: uniformRotary(4, defaultFrequencies(64, 10_000)),
  windows: new Array(4).fill(0),
});
const CHUNK = 512;
while (cache.liveBytes < 64 * 2 ** 20) {
  const rows = new Float32Array(16 * CHUNK * 64).fill(1);
  appendRows(cache, new Int32Array(CHUNK), rows, rows);
}
const measure = (): Record<string, number> => {
  collect();
  return { live: cache.liveBytes, allocated: cache.allocatedBytes, resident: Deno.memoryUsage().rss };
};
const before = measure();
cache.compress(policy("streaming_llm"), { compressionRatio: 0.75 });
console.log(JSON.stringify({ before, after: measure() }));
