import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { KvCache } from "kvmirror/engine";
import { definePolicy, type Policy, policy } from "kvmirror/policies";
import { openCheckpoint } from "../../fixtures/golden.ts";
import { appendSynthetic, SHAPE, signalsOf, snapshot, syntheticCache } from "../../fixtures/synthetic_cache.ts";

const HEADS = SHAPE.layerCount * SHAPE.kvHeadCount;
const ROW_BYTES = 32;

function positions(cache: KvCache): number[][] {
  return cache.layers().flatMap(({ heads }) => heads.map((head) => [...head.positions]));
}

Deno.test("pins are ranges that join and part", () => {
  const cache = syntheticCache(20);
  cache.pin(2, 5);
  cache.pin(10, 12);
  cache.pin(5, 7);
  assertEquals(cache.pins, [{ start: 2, end: 7 }, { start: 10, end: 12 }]);
  cache.unpin(3, 11);
  assertEquals(cache.pins, [{ start: 2, end: 3 }, { start: 11, end: 12 }]);
  const fork = cache.fork();
  fork.unpin(0, 20);
  assertEquals([fork.pins, cache.pins.length], [[], 2]);
  cache.rewind(11);
  assertEquals(cache.pins, [{ start: 2, end: 3 }]);
  for (const [start, end] of [[-1, 2], [3, 3], [4, 2], [0, 12], [0.5, 2], [NaN, 3]]) {
    assertThrows(() => cache.pin(start, end), RangeError, `Cannot pin positions ${start} to before ${end}`);
    assertThrows(() => cache.unpin(start, end), RangeError, `Cannot unpin positions ${start} to before ${end}`);
  }
});

Deno.test("pinned rows count towards the size; the policy shares out the rest", () => {
  const cache = syntheticCache(20);
  cache.pin(3, 8);
  const kept = (to: Parameters<KvCache["compress"]>[1], by = "streaming_llm") => {
    const fork = cache.fork();
    fork.compress(policy(by), to);
    return positions(fork)[4];
  };
  // The sinks, one of them pinned, the five pinned ones, and the newest.
  assertEquals(kept({ rows: 11 }), [0, 1, 2, 3, 4, 5, 6, 7, 17, 18, 19]);
  assertEquals(kept({ compressionRatio: 0.45 }), [0, 1, 2, 3, 4, 5, 6, 7, 17, 18, 19]);
  assertEquals(kept({ maxBytes: 11 * HEADS * ROW_BYTES + 31 }), [0, 1, 2, 3, 4, 5, 6, 7, 17, 18, 19]);
  assertEquals(kept({ rows: 5 }), [3, 4, 5, 6, 7]);
  assertEquals(kept({ maxBytes: 5 * HEADS * ROW_BYTES + 31 }), [3, 4, 5, 6, 7]);
  assertEquals(kept({ compressionRatio: 0 }).length, 20);
  assertEquals(kept({ rows: 30 }).length, 20);
  cache.pin(0, 20);
  assertEquals(kept({ rows: 20 }).length, 20);
});

Deno.test("a size that is smaller than the pinned rows is refused, and nothing goes", () => {
  const cache = syntheticCache(20);
  cache.pin(3, 8);
  const before = snapshot(cache);
  assertThrows(
    () => cache.compress(policy("knorm"), { maxBytes: 5 * HEADS * ROW_BYTES - 1 }),
    RangeError,
    "Cannot compress to 959 bytes as pinned rows take 960 bytes: give at least that, or unpin some",
  );
  assertThrows(() => cache.compress(policy("knorm"), { rows: 4 }), RangeError, "4 rows a head as pinned rows take 5");
  assertThrows(() => cache.compress(policy("knorm"), { compressionRatio: 0.8 }), RangeError, "pinned rows take 5");
  assertThrows(() => cache.compress(policy("knorm"), { maxBytes: NaN }), RangeError, "Cannot compress to NaN bytes");
  assertThrows(
    () => cache.keep(cache.layers().map(({ heads }) => heads.map(() => ({ rows: Uint32Array.of(0, 1) })))),
    RangeError,
    "Cannot evict position 3 as it is pinned: unpin it first",
  );
  assertEquals(snapshot(cache), before);
});

Deno.test("a policy sees the rows that may go with their signals, and a wrong choice of them is refused", () => {
  const cache = syntheticCache(8);
  cache.pin(1, 4);
  const seen: unknown[] = [];
  const looking: Policy = {
    name: "looking",
    signals: [],
    choose: (layers) => {
      seen.push(layers.map(({ heads }) => heads.map((head) => [[...head.positions], [...head.signal("keys")]])));
      return layers.map(({ heads }) => heads.map(() => ({ rows: Uint32Array.of(4) })));
    },
  };
  cache.fork().compress(looking, { rows: 4 });
  assertEquals(
    seen[0],
    snapshot(cache).layers.map((heads) =>
      heads.map(({ keys }) => [[0, 4, 5, 6, 7], [0, 4, 5, 6, 7].flatMap((row) => keys.slice(row * 4, row * 4 + 4))])
    ),
  );
  const wrong = {
    ...looking,
    choose: () =>
      looking.choose(cache.layers(), { ratio: 0, rows: 0 }).map((heads) =>
        heads.map(() => ({ rows: Uint32Array.of(5) }))
      ),
  };
  assertThrows(() => cache.compress(wrong, { rows: 4 }), RangeError, "Cannot keep row 5 as there are 5 rows");
});

const POLICIES = [
  "knorm",
  "tova",
  "observed_attention",
  "expected_attention",
  "adakv(knorm)",
  "globalkv(keydiff)",
  "chunkkv(knorm)",
  "lagkv",
  "hybrid",
  "random",
];

Deno.test("pinned rows stay, byte budgets hold and what stays is as it was, whatever the policy and the order", () => {
  const step = fc.record({
    action: fc.constantFrom("append", "pin", "rows", "bytes", "ratio", "rewind"),
    by: fc.constantFrom(...POLICIES.map((name) => policy(name))),
    seed: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const cache = syntheticCache(12, ["all", 1, 2, "moments"]);
      for (const { action, by, seed } of steps) {
        const pinned = cache.pins;
        const held = positions(cache);
        const before = snapshot(cache);
        try {
          if (action === "append") appendSynthetic(cache, 1 + seed % 9, seed);
          else if (action === "rewind") cache.rewind(seed % (cache.tokenCount + 1));
          else if (action === "pin") {
            cache.pin(seed % cache.tokenCount, Math.min(cache.tokenCount, seed % cache.tokenCount + 4));
          } else {
            const bytes = Math.floor(cache.liveBytes * ((seed % 97) / 97));
            cache.compress(
              by,
              action === "rows"
                ? { rows: 1 + seed % 12 }
                : action === "bytes"
                ? { maxBytes: bytes }
                : { compressionRatio: (seed % 97) / 97 },
            );
            if (action === "bytes") assert(cache.liveBytes <= bytes, `${cache.liveBytes} of ${bytes} with ${by.name}`);
          }
        } catch (error) {
          assert(error instanceof RangeError || error instanceof TypeError, `${error}`);
          assertEquals(snapshot(cache), before);
        }
        if (action === "append" || action === "rewind") continue;
        positions(cache).forEach((now, head) => {
          const stay = held[head].filter((at) => pinned.some(({ start, end }) => start <= at && at < end));
          assertEquals(stay.filter((at) => !now.includes(at)), []);
        });
      }
    }),
    { numRuns: 200, seed: 5 },
  );
});

Deno.test("a system prompt outlives evictions of a running model, and without pins nothing is another", async () => {
  await using model = await openCheckpoint("qwen2_tied_bf16_sharded");
  const cache = await model.prefill("The river runs slowly past the old mill in spring. ".repeat(8), {
    template: "none",
  });
  const plain = cache.fork();
  plain.compress(policy("adakv(snapkv)"), { compressionRatio: 0.5 });
  const unpinned = cache.fork();
  unpinned.pin(3, 9);
  unpinned.unpin(3, 9);
  unpinned.compress(policy("adakv(snapkv)"), { compressionRatio: 0.5 });
  assertEquals([snapshot(unpinned), signalsOf(unpinned)], [snapshot(plain), signalsOf(plain)]);
  cache.pin(0, 20);
  for (const name of ["snapkv", "criticalkv(knorm)", "expected_attention"]) {
    await cache.observe(policy(name));
    cache.compress(policy(name), { compressionRatio: 0.3 });
    for (const held of positions(cache)) assertEquals(held.slice(0, 20), [...Array(20).keys()]);
  }
  await model.generate("What runs?", {
    cache,
    maxNewTokens: 4,
    bound: { policy: policy("streaming_llm"), rows: 30, compressionInterval: 4 },
  });
  for (const held of positions(cache)) assertEquals(held.slice(0, 20), [...Array(20).keys()]);
  assertThrows(
    () => cache.compress(definePolicy({ name: "none", signals: [], score: () => [] }), { rows: 19 }),
    RangeError,
    "pinned rows take 20",
  );
});
