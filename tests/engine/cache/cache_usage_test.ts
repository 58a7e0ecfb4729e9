import { assertEquals } from "@std/assert";
import { usageByLayer } from "kvmirror";
import { cacheUsage, tokenTexts } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { appendSynthetic, SHAPE, syntheticCache } from "../../fixtures/synthetic_cache.ts";

Deno.test("accountOf: a live cache's rows and bytes, before and after an eviction and with room to spare", () => {
  const cache = syntheticCache(10);
  const full = cacheUsage(cache);
  cache.compress(policy("adakv(knorm)"), { compressionRatio: 0.5 });
  const half = cacheUsage(cache);
  cache.reserve(4);
  appendSynthetic(cache, 1, 9);
  const later = cacheUsage(cache);
  const heads = SHAPE.layerCount * SHAPE.kvHeadCount;
  assertEquals([full.rows, half.rows, later.rows], [10 * heads, 5 * heads, 6 * heads]);
  assertEquals([full.tokens, half.tokens, later.tokens], [10, 10, 11]);
  assertEquals([later.live_bytes, later.allocated_bytes], [cache.liveBytes, cache.allocatedBytes]);
  assertEquals(later.allocated_bytes - later.live_bytes, 3 * heads * cache.shape.headDim * 2 * 4);
  for (const { layer, kv_head, rows, dtype } of later.heads) {
    assertEquals([rows, dtype], [cache.rowCount(layer, kv_head), "f32"]);
  }
  assertEquals(later.retention[10], 1);
  const history = usageByLayer([full, half, later]);
  assertEquals(history.map(({ tokens, layer, rows }) => [tokens, layer, rows]), [
    [10, 0, 30],
    [10, 1, 30],
    [10, 0, 15],
    [10, 1, 15],
    [11, 0, 18],
    [11, 1, 18],
  ]);
});

Deno.test("tokenTexts: put together they are the text; the token that ends a character spells it", () => {
  const bytes = new TextEncoder().encode("aü🙂");
  const tokenizer = { decode: (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids)) };
  assertEquals(tokenTexts(tokenizer, [...bytes]), ["a", "", "ü", "", "", "", "🙂"]);
  assertEquals(tokenTexts(tokenizer, [...bytes.subarray(0, 2)]), ["a", "\ufffd"]);
  assertEquals(tokenTexts(tokenizer, []), []);
});
