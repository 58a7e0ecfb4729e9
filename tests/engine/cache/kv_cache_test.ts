import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { KvCache } from "kvmirror/engine";
import { definePolicy, type HeadChoice, policy } from "kvmirror/policies";
import { appendSynthetic, SHAPE, snapshot, syntheticCache } from "../../fixtures/synthetic_cache.ts";

const HEADS = SHAPE.layerCount * SHAPE.kvHeadCount;

/** Keeps in head h of the flattened list every row that `keeps(h, row)` says. */
function choose(cache: KvCache, keeps: (head: number, row: number) => boolean): HeadChoice[][] {
  return cache.layers().map(({ heads }, layer) =>
    heads.map(({ positions }, head) => ({
      rows: Uint32Array.from(positions.keys()).filter((row) => keeps(layer * SHAPE.kvHeadCount + head, row)),
    }))
  );
}

Deno.test("rows and bytes are counted per head, live and allocated", () => {
  const cache = syntheticCache(10);
  assertEquals(cache.liveBytes, 10 * HEADS * 4 * 2 * 4);
  assertEquals(cache.fullBytes, cache.liveBytes);
  cache.keep(choose(cache, (head, row) => row <= head));
  assertEquals([0, 1, 2].map((head) => cache.rowCount(0, head)), [1, 2, 3]);
  assertEquals([...cache.rowPositions(1, 2)], [0, 1, 2, 3, 4, 5]);
  assertEquals(cache.liveBytes, (1 + 2 + 3 + 4 + 5 + 6) * 32);
  assertEquals(cache.allocatedBytes, cache.liveBytes);
  assertEquals(cache.fullBytes, 10 * HEADS * 32);
  assertEquals(cache.headBytes(0, 1), { live: 64, allocated: 64 });
  assertThrows(() => cache.rowCount(2, 0), RangeError, "layer 2");
});

Deno.test("kept rows keep their keys, values, positions and attention", () => {
  const cache = syntheticCache(9);
  const before = snapshot(cache) as { layers: { positions: number[]; keys: number[]; attention: number[][] }[][] };
  cache.keep(choose(cache, (_, row) => row % 3 === 1));
  const after = snapshot(cache) as typeof before;
  after.layers.flat().forEach((head, index) => {
    const old = before.layers.flat()[index];
    assertEquals(head.positions, [1, 4, 7]);
    assertEquals(head.keys, [1, 4, 7].flatMap((row) => old.keys.slice(row * 4, row * 4 + 4)));
    assertEquals(head.attention, old.attention.map((recording) => [1, 4, 7].map((row) => recording[row])));
  });
});

Deno.test("forks never see each other, whatever happens to either in whatever order", () => {
  const step = fc.record({
    on: fc.nat(3),
    action: fc.constantFrom("append", "keep", "compact", "fork", "dispose"),
    seed: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 16 }), (steps) => {
      const lines = [{ cache: syntheticCache(6), history: [] as { action: string; seed: number }[] }];
      for (const { on, action, seed } of steps) {
        const line = lines[on % lines.length];
        if (action === "dispose") {
          if (lines.length === 1) continue;
          lines.splice(lines.indexOf(line), 1);
          line.cache[Symbol.dispose]();
          line.cache[Symbol.dispose]();
          assertThrows(() => line.cache.tokenCount, TypeError, "disposed of");
        } else if (action === "fork") lines.push({ cache: line.cache.fork(), history: [...line.history] });
        else {
          apply(line.cache, action, seed);
          line.history.push({ action, seed });
        }
      }
      for (const { cache, history } of lines) {
        const alone = syntheticCache(6);
        for (const { action, seed } of history) apply(alone, action, seed);
        assertEquals(snapshot(cache), snapshot(alone));
      }
    }),
    { numRuns: 100, seed: 7 },
  );
});

function apply(cache: KvCache, action: string, seed: number): void {
  if (action === "append") appendSynthetic(cache, 1 + (seed % 3), seed);
  else if (action === "compact") cache.keep(choose(cache, (_, row) => row % 2 === seed % 2), "compact");
  else cache.keep(choose(cache, (head, row) => ((seed >> ((head + row) % 10)) & 1) === 0));
}

Deno.test("compact positions close the gaps: row i of n stands at P - n + i, and back again restores the keys", () => {
  const cache = syntheticCache(8);
  const keys = () => cache.layers().flatMap(({ heads }) => heads.map((head) => [...head.signal("keys")]));
  cache.keep(choose(cache, (head, row) => row >= head && row !== 6));
  const logical = keys();
  cache.keep(choose(cache, () => true), "compact");
  assertEquals(cache.nextRotaryPosition, 7);
  const compact = keys();
  // Head 0 holds 0..5 and 7: only the last row moves, by one position back.
  assertEquals(compact[0].slice(0, 24), logical[0].slice(0, 24));
  const last = logical[0].slice(24);
  const rotated = [0, 1].flatMap((pair) => {
    const angle = -1 * 10_000 ** (-2 * pair / 4);
    return [[pair, last[pair] * Math.cos(angle) - last[pair + 2] * Math.sin(angle)], [
      pair + 2,
      last[pair + 2] * Math.cos(angle) + last[pair] * Math.sin(angle),
    ]];
  });
  for (const [index, value] of rotated) assert(Math.abs(compact[0][24 + index] - value) < 1e-6);
  cache.keep(choose(cache, () => true), "logical");
  assertEquals(cache.nextRotaryPosition, 8);
  keys().flat().forEach((value, index) => assert(Math.abs(value - logical.flat()[index]) < 1e-6));
});

Deno.test("keys before rotation are the same at compact positions, and are keys once their positions turn them", () => {
  const cache = syntheticCache(8);
  const signals = (name: "keys" | "unrotatedKeys") =>
    cache.layers().flatMap(({ heads }) => heads.flatMap((head) => [...head.signal(name)]));
  cache.keep(choose(cache, (head, row) => row >= head && row !== 6));
  const logical = signals("unrotatedKeys");
  // Head 0's last row is at position 7 in the text.
  const [first, second, third, fourth] = logical.slice(24, 28);
  const turned = [
    first * Math.cos(7) - third * Math.sin(7),
    second * Math.cos(0.07) - fourth * Math.sin(0.07),
    third * Math.cos(7) + first * Math.sin(7),
    fourth * Math.cos(0.07) + second * Math.sin(0.07),
  ];
  turned.forEach((value, index) => assert(Math.abs(signals("keys")[24 + index] - value) < 1e-6));
  cache.keep(choose(cache, () => true), "compact");
  signals("unrotatedKeys").forEach((value, index) => assert(Math.abs(value - logical[index]) < 1e-6));
});

Deno.test("a budget in rows or bytes is met, in proportion where heads differ", () => {
  const cache = syntheticCache(40);
  const ragged = cache.fork();
  ragged.keep(choose(ragged, (head, row) => row < 40 - 4 * head));
  ragged.compress(policy("random"), { rows: 20 });
  assertEquals([0, 1, 2].map((head) => ragged.rowCount(0, head)), [20, 18, 16]);
  const bytes = cache.fork();
  bytes.compress(policy("streaming_llm"), { maxBytes: 2000 });
  assertEquals(bytes.liveBytes, Math.floor(2000 / (HEADS * 32)) * HEADS * 32);
  const enough = cache.fork();
  enough.compress(policy("random"), { maxBytes: 1e9 });
  assertEquals(snapshot(enough), snapshot(cache));
  assertThrows(() => cache.compress(policy("random"), { maxBytes: 10 }), RangeError, "as one row a head takes 192");
  assertThrows(() => cache.compress(policy("random"), { rows: 0 }), RangeError, "Cannot keep 0 rows");
  assertThrows(() => cache.compress(policy("random"), { compressionRatio: 1.2 }), RangeError, "must be in [0, 1)");
});

Deno.test("a policy that needs a signal which was not recorded is refused before anything goes; both are named", () => {
  const cache = syntheticCache(5, [1]);
  const h2o = definePolicy({ name: "h2o", signals: [{ attention: "sum", queries: "all" }], score: () => [] });
  const before = snapshot(cache);
  assertThrows(
    () => cache.compress(h2o, { rows: 2 }),
    TypeError,
    "policy h2o as it needs attention (sum over all queries)",
  );
  assertEquals(snapshot(cache), before);
});

Deno.test("a policy's wrong choice is refused; policy, layer, head and row are named", () => {
  const rows = { doubled: [1, 1], out: [7], descending: [2, 1] };
  for (const [name, wrong] of Object.entries(rows)) {
    const cache = syntheticCache(5);
    const before = snapshot(cache);
    const policy = {
      name,
      signals: [],
      choose: () =>
        choose(cache, () => true).map((heads, layer) =>
          heads.map((head, index) => layer === 1 && index === 2 ? { rows: Uint32Array.from(wrong) } : head)
        ),
    };
    assertThrows(() => cache.compress(policy, { rows: 2 }), RangeError, `${name}, layer 1, kv head 2`);
    assertEquals(snapshot(cache), before);
  }
});

Deno.test("buffers give their memory back: 48 MB of rows leave live, allocated and resident", async () => {
  // In a process of its own: other tests share this one's memory.
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--v8-flags=--expose-gc",
      "--allow-all",
      fileURLToPath(new URL("measure_memory.ts", import.meta.url)),
    ],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { before, after } = JSON.parse(new TextDecoder().decode(stdout));
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  for (const name of ["live", "allocated", "resident"]) {
    console.error(`  ${name}: ${megabytes(before[name])} before, ${megabytes(after[name])} after`);
  }
  assert(before.live - after.live >= 48 * 2 ** 20);
  assertEquals(after.allocated, after.live);
  assert(before.resident - after.resident > 32 * 2 ** 20, "resident memory did not fall");
});

Deno.test("a policy that sets itself how much stays follows no ratio, and says so", () => {
  for (const chooser of [policy("simlayerkv"), policy("recent_window", { windowSize: 5 })]) {
    const cache = syntheticCache(40);
    const what = `Cannot follow compressionRatio 0.5 with ${chooser.name} as it sets itself how much stays: give 0`;
    assertThrows(() => cache.compress(chooser, { compressionRatio: 0.5 }), RangeError, what);
    cache.compress(chooser, { compressionRatio: 0 });
  }
});
