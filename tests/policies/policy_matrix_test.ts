import { assert, assertEquals, assertThrows } from "@std/assert";
import { budgetForRatio, keptRows, type Layer, policy, policyNames, type PolicyOptions } from "kvmirror/policies";
import { madeUp, madeUpCache } from "../engine/made_up_cache.ts";

/** Every policy with easy and hard options, and the rows it protects. A new policy adds its row. */
const MATRIX: readonly {
  name: string;
  options: PolicyOptions;
  sinks: number;
  follows: "budget" | "own numbers" | "nothing";
}[] = [
  { name: "keep_all", options: {}, sinks: 0, follows: "nothing" },
  { name: "random", options: {}, sinks: 0, follows: "budget" },
  { name: "random", options: { seed: 9 }, sinks: 0, follows: "budget" },
  { name: "random", options: { sinkTokens: 16 }, sinks: 16, follows: "budget" },
  { name: "recent_window", options: {}, sinks: 16, follows: "budget" },
  { name: "recent_window", options: { windowSize: 5 }, sinks: 16, follows: "own numbers" },
  { name: "recent_window", options: { windowSize: 0, sinkTokens: 3 }, sinks: 3, follows: "own numbers" },
  { name: "heavy_hitter", options: {}, sinks: 16, follows: "budget" },
  { name: "heavy_hitter", options: { topk: 7 }, sinks: 16, follows: "own numbers" },
  { name: "heavy_hitter", options: { sinkTokens: 0 }, sinks: 0, follows: "budget" },
  { name: "hybrid", options: {}, sinks: 16, follows: "budget" },
  { name: "hybrid", options: { windowSize: 1_000_000, topk: 1_000_000 }, sinks: 16, follows: "own numbers" },
  { name: "hybrid", options: { sinkTokens: 1_000_000 }, sinks: 1_000_000, follows: "budget" },
  { name: "streaming_llm", options: {}, sinks: 4, follows: "budget" },
  { name: "streaming_llm", options: { sinkTokens: 0 }, sinks: 0, follows: "budget" },
];

const LENGTHS = [1, 2, 16, 17, 65, 200];
const RATIOS = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999];

Deno.test("the matrix has every policy of the table", () => {
  assertEquals([...new Set(MATRIX.map(({ name }) => name))], policyNames());
});

for (const { name, options, sinks, follows } of MATRIX) {
  Deno.test(`${name} ${JSON.stringify(options)}: budget, order, protection, determinism`, () => {
    const chooser = policy(name, options);
    for (const length of LENGTHS) {
      const cache = madeUpCache(length);
      for (const ratio of RATIOS) {
        const budget = budgetForRatio(length, ratio);
        const choice = chooser.choose(cache.layers(), budget);
        const rows = choice.flatMap((heads) => heads.map((head) => [...head.rows]));
        assertEquals(rows.length, 6);
        for (const kept of rows) {
          assert(
            kept.every((row, index) => row < length && (index === 0 || row > kept[index - 1])),
            "sorted and unique",
          );
          if (follows === "budget") assertEquals(kept.length, ratio === 0 ? length : keptRows(length, ratio));
          if (follows === "nothing") assertEquals(kept.length, length);
          const protectedRows = Math.min(sinks, length, kept.length);
          assertEquals(kept.slice(0, protectedRows), [...Array(protectedRows).keys()]);
        }
        // Nothing is left over: another sequence in between, and a new object, choose the same.
        chooser.choose(madeUpCache(33, ["all", 1, 64], 8).layers(), budgetForRatio(33, 0.5));
        assertEquals(chooser.choose(cache.layers(), budget), choice);
        assertEquals(policy(name, options).choose(cache.layers(), budget), choice);
      }
    }
  });
}

Deno.test("own numbers keep sinks, window and top-k of all tokens, each counted once", () => {
  const attention = Float64Array.of(0, 9, 0, 0, 8, 0, 0, 0, 7, 0);
  const chosen = (name: string, options: PolicyOptions) => rowsOf(oneHead(attention), name, options);
  assertEquals(chosen("recent_window", { windowSize: 2, sinkTokens: 1 }), [0, 8, 9]);
  assertEquals(chosen("heavy_hitter", { topk: 2, sinkTokens: 1 }), [0, 1, 4]);
  assertEquals(chosen("hybrid", { windowSize: 2, topk: 2, sinkTokens: 1 }), [0, 1, 4, 8, 9]);
});

Deno.test("of a budget, hybrid gives two thirds after the sinks to the newest, the rest to the highest of the others", () => {
  const attention = Float64Array.of(0, 9, 0, 0, 8, 0, 0, 0, 7, 0);
  const [[{ rows }]] = policy("hybrid", { sinkTokens: 1 }).choose([oneHead(attention)], { ratio: 0.5, rows: 5 });
  assertEquals([...rows], [0, 1, 4, 8, 9]);
});

Deno.test("equal attention is decided by novelty, then by the earlier token; hybrid prefers the later", () => {
  const flat = new Float64Array(6);
  assertEquals(rowsOf(oneHead(flat), "heavy_hitter", { topk: 2, sinkTokens: 0 }), [0, 1]);
  assertEquals(rowsOf(oneHead(flat, Float64Array.of(0, 0, 1, 0, 1, 0)), "heavy_hitter", { topk: 2, sinkTokens: 0 }), [
    2,
    4,
  ]);
  assertEquals(rowsOf(oneHead(flat), "hybrid", { windowSize: 0, topk: 2, sinkTokens: 0 }), [4, 5]);
});

Deno.test("heads that lost tokens still agree on those they have", () => {
  const cache = madeUpCache(60);
  cache.compress(policy("random"), { compressionRatio: 0.5 });
  cache.compress(policy("heavy_hitter", { sinkTokens: 2 }), { compressionRatio: 0.5 });
  const positions = cache.layers().flatMap(({ heads }) => heads.map((head) => [...head.positions]));
  const all = new Set(positions.flat());
  assert(all.size <= 30);
});

Deno.test("unknown names and numbers are refused in a line that names them", () => {
  assertThrows(() => policy("hybird"), RangeError, "did you mean hybrid?");
  assertThrows(
    () => policy("keep_all", { topk: 3 }),
    RangeError,
    "Cannot set topk on policy keep_all: it takes no options",
  );
  assertThrows(() => policy("hybrid", { windowSize: -1 }), RangeError, "Cannot use windowSize -1 for hybrid");
  assertThrows(() => policy("constructor"), RangeError, "Cannot find policy");
});

function oneHead(attention: Float64Array, novelty = new Float64Array(attention.length)): Layer {
  return {
    index: 0,
    model: { layerCount: 1, headDim: 4, groupSize: 1, ropeTheta: 10_000 },
    heads: [{
      positions: Int32Array.from(attention.keys()),
      signal: (need) => need === "novelty" ? novelty : need === "keys" ? madeUp(attention.length * 4, 1) : attention,
    }],
  };
}

function rowsOf(layer: Layer, name: string, options: PolicyOptions): number[] {
  const [[{ rows }]] = policy(name, options).choose([layer], { ratio: 0, rows: layer.heads[0].positions.length });
  return [...rows];
}
