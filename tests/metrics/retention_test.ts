import { assertEquals, assertThrows } from "@std/assert";
import { retentionStats } from "../../lib/metrics/retention.ts";

Deno.test("retention of a hand-computed case", () => {
  const targets = { attention: Float64Array.of(0.9, 0.1, 0.5, 0.5, 0.2), topk: 2, sinkTokens: 2, bytesPerToken: 10 };
  // The target is rows 0 and 2: row 3 ties with 2 and stands later.
  assertEquals(retentionStats(Uint32Array.of(0, 3, 4), targets), {
    kept_tokens: 3,
    dropped_tokens: 2,
    kept_ratio: 0.6,
    estimated_bytes: 30,
    estimated_saved_bytes: 20,
    heavy_hitter_recall: 0.5,
    sink_recall: 0.5,
  });
});

Deno.test("nothing to keep: the ratio is 0, and nothing of the empty targets was lost", () => {
  const none = { attention: new Float64Array(0), topk: 96, sinkTokens: 16, bytesPerToken: 10 };
  const { kept_ratio, heavy_hitter_recall, sink_recall } = retentionStats(new Uint32Array(0), none);
  assertEquals([kept_ratio, heavy_hitter_recall, sink_recall], [0, 1, 1]);
});

Deno.test("bytes past exact integers are refused", () => {
  const targets = { attention: new Float64Array(4), topk: 1, sinkTokens: 1, bytesPerToken: 2 ** 52 };
  assertThrows(() => retentionStats(Uint32Array.of(0), targets), RangeError, "4 tokens of 4503599627370496 bytes");
});
