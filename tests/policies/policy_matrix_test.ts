import { defaultFrequencies } from "../../lib/numeric/rotary.ts";
import { uniformRotary } from "../fixtures/uniform_rotary.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { KvCache } from "kvmirror/engine";
import {
  budgetForRatio,
  type Layer,
  POLICIES,
  policy,
  policyNames,
  type PolicyOptions,
  type Signal,
  WRAPPERS,
} from "kvmirror/policies";
import { keptRows } from "../../lib/policies/budget.ts";
import { syntheticCache, syntheticNumbers } from "../fixtures/synthetic_cache.ts";

/** What a policy promises. */
interface Promised {
  readonly name: string;
  readonly options: PolicyOptions;
  readonly sinks: number;
  /** The newest rows that stay as long as there is room for them. */
  readonly recent?: number;
  /** `layer`: a layer's heads share the budget; `layers`, `model`: all share it; `nearly`: chunk by chunk. */
  readonly follows: "budget" | "layer" | "layers" | "model" | "nearly" | "own numbers" | "nothing";
}

/** Policies with easy and hard options, and the rows they protect. */
const NAMED: readonly Promised[] = [
  { name: "keep_all", options: {}, sinks: 0, follows: "nothing" },
  { name: "oracle", options: {}, sinks: 0, follows: "budget" },
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
  { name: "observed_attention", options: {}, sinks: 0, follows: "budget" },
  { name: "h2o", options: {}, sinks: 0, recent: 1, follows: "budget" },
  { name: "h2o", options: { decay: 0.9 }, sinks: 0, recent: 1, follows: "budget" },
  { name: "adakv(h2o)", options: {}, sinks: 0, recent: 1, follows: "layer" },
  { name: "tova", options: {}, sinks: 0, recent: 1, follows: "budget" },
  { name: "snapkv", options: {}, sinks: 0, recent: 64, follows: "budget" },
  { name: "snapkv", options: { windowSize: 1, kernelSize: 1 }, sinks: 0, recent: 1, follows: "budget" },
  { name: "pyramidkv", options: {}, sinks: 0, recent: 64, follows: "layers" },
  { name: "pyramidkv", options: { beta: 1, smallestLayer: 1 }, sinks: 0, recent: 64, follows: "layers" },
  { name: "knorm", options: {}, sinks: 0, follows: "budget" },
  { name: "keydiff", options: {}, sinks: 0, follows: "budget" },
  { name: "lagkv", options: {}, sinks: 4, follows: "budget" },
  { name: "lagkv", options: { sinkTokens: 0, lagSize: 2 }, sinks: 0, recent: 2, follows: "budget" },
  { name: "cur", options: {}, sinks: 4, follows: "budget" },
  { name: "cur", options: { sinkTokens: 0, windowSize: 1 }, sinks: 0, follows: "budget" },
  { name: "leverage", options: {}, sinks: 0, follows: "budget" },
  { name: "leverage", options: { sketchSize: 3, seed: 9 }, sinks: 0, follows: "budget" },
  { name: "non_causal", options: {}, sinks: 0, follows: "budget" },
  { name: "adakv(non_causal)", options: {}, sinks: 0, follows: "layer" },
  { name: "compactor", options: {}, sinks: 8, follows: "budget" },
  {
    name: "compactor",
    options: { sinkTokens: 0, recentTokens: 0, blending: 3, sketchSize: 5, seed: 2 },
    sinks: 0,
    follows: "budget",
  },
  { name: "compactor", options: { sinkTokens: 1_000_000 }, sinks: 1_000_000, follows: "budget" },
  { name: "globalkv(compactor)", options: {}, sinks: 8, follows: "model" },
  { name: "cap", options: {}, sinks: 4, follows: "budget" },
  { name: "cap", options: { sinkTokens: 0, tau: 0, futurePositions: 1 }, sinks: 0, follows: "budget" },
  { name: "adakv(snapkv)", options: {}, sinks: 0, follows: "layer" },
  { name: "adakv(knorm)", options: {}, sinks: 0, follows: "layer" },
  { name: "adakv(tova)", options: {}, sinks: 0, recent: 1, follows: "layer" },
  { name: "chunkkv(snapkv)", options: {}, sinks: 0, follows: "nearly" },
  { name: "chunkkv(keydiff)", options: {}, sinks: 0, follows: "nearly" },
  { name: "expected_attention", options: {}, sinks: 4, follows: "budget" },
  { name: "expected_attention", options: { futurePositions: 1, sinkTokens: 0 }, sinks: 0, follows: "budget" },
  { name: "expected_attention", options: { epsilon: 0.01 }, sinks: 4, follows: "budget" },
  { name: "kvzip", options: {}, sinks: 4, follows: "model" },
  { name: "kvzip", options: { sinkTokens: 0 }, sinks: 0, follows: "model" },
  { name: "kvzip_plus", options: {}, sinks: 4, follows: "model" },
  { name: "attention_probe", options: {}, sinks: 4, follows: "budget" },
  { name: "attention_probe", options: { sinkTokens: 0 }, sinks: 0, follows: "budget" },
  { name: "qfilter", options: {}, sinks: 0, follows: "budget" },
  { name: "globalkv(qfilter)", options: {}, sinks: 0, follows: "model" },
  { name: "protect(qfilter, sinks=0, recent=64)", options: {}, sinks: 0, recent: 64, follows: "budget" },
  { name: "kvzap", options: {}, sinks: 4, follows: "budget" },
  { name: "kvzap", options: { sinkTokens: 0 }, sinks: 0, follows: "budget" },
  { name: "globalkv(kvzap)", options: {}, sinks: 4, follows: "model" },
  { name: "threshold(kvzap, threshold=-0.5)", options: {}, sinks: 4, recent: 128, follows: "own numbers" },
  { name: "adakv(expected_attention)", options: {}, sinks: 0, follows: "layer" },
  { name: "criticalkv(snapkv)", options: {}, sinks: 0, follows: "budget" },
  { name: "criticalkv(expected_attention)", options: {}, sinks: 0, follows: "budget" },
  { name: "adakv(attention_probe)", options: {}, sinks: 0, follows: "layer" },
  { name: "adakv(criticalkv(snapkv))", options: {}, sinks: 0, follows: "layer" },
  { name: "pyramid(knorm)", options: {}, sinks: 0, follows: "layers" },
  { name: "pyramid(expected_attention)", options: {}, sinks: 4, follows: "layers" },
  { name: "globalkv(expected_attention)", options: {}, sinks: 4, follows: "model" },
  { name: "globalkv(snapkv)", options: {}, sinks: 0, follows: "model" },
  { name: "globalkv(attention_probe)", options: {}, sinks: 4, follows: "model" },
  { name: "protect(knorm)", options: {}, sinks: 4, follows: "budget" },
  { name: "chunk(knorm)", options: {}, sinks: 0, follows: "budget" },
  { name: "chunk(knorm, chunkLength=16)", options: {}, sinks: 0, follows: "nearly" },
  { name: "block(keydiff)", options: {}, sinks: 0, follows: "budget" },
  { name: "block(protect(tova), blockSize=7)", options: {}, sinks: 4, follows: "budget" },
  { name: "threshold(knorm, threshold=-1.2)", options: {}, sinks: 0, recent: 128, follows: "own numbers" },
  {
    name: "threshold(protect(keydiff), threshold=-0.9, windowSize=8)",
    options: {},
    sinks: 4,
    recent: 8,
    follows: "own numbers",
  },
  { name: "duo_attention", options: {}, sinks: 4, follows: "layers" },
  { name: "duo_attention", options: { recentTokens: 0, sinkTokens: 0 }, sinks: 0, follows: "layers" },
  { name: "simlayerkv", options: {}, sinks: 4, recent: 1023, follows: "own numbers" },
  {
    name: "simlayerkv",
    options: { lazyThreshold: 0, recentTokens: 3, lastQueries: 1, sinkTokens: 2 },
    sinks: 2,
    recent: 2,
    follows: "own numbers",
  },
  { name: "globalkv(protect(observed_attention))", options: {}, sinks: 4, follows: "model" },
];

/** Every policy of the table: one that is not named above protects what it says, and every head has the budget. */
const MATRIX: readonly Promised[] = [
  ...NAMED,
  ...policyNames().filter((name) => !NAMED.some((named) => named.name === name)).map((name): Promised => ({
    name,
    options: {},
    sinks: policy(name).definition?.protect?.sinks ?? 0,
    recent: policy(name).definition?.protect?.recent,
    follows: "budget",
  })),
];

/** Layers that know the future too, as an evaluation offers them. */
function layersOf(cache: KvCache): Layer[] {
  return cache.layers().map((layer) => ({
    ...layer,
    heads: layer.heads.map((head, kvHead) => ({
      ...head,
      signal: (signal) =>
        signal === "laterAttention"
          ? syntheticNumbers(head.positions.length, 7 * layer.index + kvHead)
          : head.signal(signal),
    })),
  }));
}

const LENGTHS = [1, 2, 16, 17, 65, 200];
const RATIOS = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999];

Deno.test("the matrix has every policy and wrapper of the tables, and names no other", () => {
  const heads = new Set(MATRIX.map(({ name }) => name.split("(")[0]));
  assertEquals([...heads].sort(), [...policyNames(), ...Object.keys(WRAPPERS)].sort());
});

for (const { name, options, sinks, recent = 0, follows } of MATRIX) {
  Deno.test(`${name} ${JSON.stringify(options)}: budget, order, protection, determinism`, async () => {
    const chooser = policy(name, options);
    const other = syntheticCache(33, undefined, 8);
    await other.observe(chooser);
    for (const length of LENGTHS) {
      const cache = syntheticCache(length);
      await cache.observe(chooser);
      for (const ratio of RATIOS) {
        const budget = budgetForRatio(length, ratio);
        const choice = chooser.choose(layersOf(cache), budget);
        const rows = choice.flatMap((heads) => heads.map((head) => [...head.rows]));
        assertEquals(rows.length, 6);
        for (const kept of rows) {
          assert(
            kept.every((row, index) => row < length && (index === 0 || row > kept[index - 1])),
            "sorted and unique",
          );
          if (follows === "budget") assertEquals(kept.length, ratio === 0 ? length : keptRows(length, ratio));
          if (follows === "nearly") assert(ratio === 0 || kept.length <= (length + 20) * (1 - ratio) + 20);
          const newest = Math.min(recent, length);
          if (kept.length >= recent && ratio > 0) {
            assertEquals(
              kept.slice(kept.length - newest),
              Array.from({ length: newest }, (_, row) => length - newest + row),
            );
          }
          if (follows === "nothing") assertEquals(kept.length, length);
          const protectedRows = Math.min(sinks, length, kept.length);
          assertEquals(kept.slice(0, protectedRows), [...Array(protectedRows).keys()]);
        }
        if (follows === "layer" && ratio > 0) {
          for (const heads of choice) {
            assertEquals(
              heads.reduce((sum, { rows }) => sum + rows.length, 0),
              heads.length * keptRows(length, ratio),
            );
          }
        }
        if (follows === "model" && ratio > 0) {
          const total = rows.reduce((sum, kept) => sum + kept.length, 0);
          assertEquals(total, rows.length * length - Math.floor(rows.length * length * ratio));
        }
        if (follows === "layers" && ratio > 0) {
          const total = rows.reduce((sum, kept) => sum + kept.length, 0);
          assert(Math.abs(total / rows.length - length * (1 - ratio)) <= 1, `${total} rows of ${length} at ${ratio}`);
        }
        // Nothing is left over: another sequence in between, and a new object, choose the same.
        chooser.choose(layersOf(other), budgetForRatio(33, 0.5));
        assertEquals(chooser.choose(layersOf(cache), budget), choice);
        assertEquals(policy(name, options).choose(layersOf(cache), budget), choice);
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

Deno.test("policies look at the rows that are held, however far in the text they stand", () => {
  const far = (start: number): Layer => {
    const near = oneHead(syntheticNumbers(20, 3) as unknown as Float64Array);
    const positions = Int32Array.from({ length: 20 }, (_, row) => row < 4 ? row : start + row);
    return { ...near, heads: [{ ...near.heads[0], positions }] };
  };
  for (const name of ["hybrid", "heavy_hitter", "recent_window", "tova", "h2o", "streaming_llm", "knorm"]) {
    const kept = (start: number) => policy(name).choose([far(start)], budgetForRatio(20, 0.1))[0][0].rows;
    assertEquals(kept(2 ** 31 - 100), kept(1000), name);
  }
});

/** The scores of one head by a policy's definition; keys do not turn. */
function scoresOf(
  name: string,
  options: PolicyOptions,
  signals: Readonly<Record<string, readonly number[]>>,
): number[] {
  const positions = Int32Array.from({ length: Object.values(signals)[0].length / 2 }, (_, row) => row);
  const head = { positions, signal: (signal: Signal) => Float32Array.from(signals[signal as string]) };
  const model = { layerCount: 1, headDim: 2, groupSize: 1, rotary: uniformRotary(1, [0]) };
  const budget = budgetForRatio(positions.length, 0.5);
  return [...policy(name, options).definition!.score({ index: 0, model, heads: [head] }, budget)[0]];
}

function assertNear(scores: readonly number[], wanted: readonly number[], tolerance = 1e-12): void {
  assertEquals(scores.length, wanted.length);
  wanted.forEach((score, row) => assertAlmostEquals(scores[row], score, tolerance));
}

Deno.test("cur: a row's share of its window's squared keys, times that of its values; the last window is short", () => {
  // Squared norms 1, 4, 9 of keys and 4, 1, 1 of values: in windows of two 1/5 · 4/5, 4/5 · 1/5 and 9/9 · 1/1.
  const signals = { keys: [1, 0, 2, 0, 3, 0], values: [0, 2, 0, 1, 0, 1] };
  assertNear(scoresOf("cur", { windowSize: 2, sinkTokens: 0 }, signals), [0.16, 0.16, 1].map((share) => share / 1.32));
  assertNear(scoresOf("cur", { windowSize: 2 }, { keys: [0, 0, 0, 0], values: [1, 0, 0, 1] }), [0, 0]);
});

Deno.test("leverage: keys are centered, and scores a layer's standard deviations from their mean", () => {
  // One number a key, −s, 0 and s: the same leverage l twice and 0. Their mean is 2l/3, their deviation l/√3.
  const scores = scoresOf("leverage", { sketchSize: 1 }, { unrotatedKeys: [9, 4, 10, 4, 11, 4] });
  assertNear(scores, [1 / Math.sqrt(3), -2 / Math.sqrt(3), 1 / Math.sqrt(3)], 1e-9);
  assertNear(scoresOf("leverage", {}, { unrotatedKeys: [9, 4, 9, 4] }), [0, 0]);
});

Deno.test("non_causal: attention times the length of values, over three neighbors the mean, standardized", () => {
  // Products 2, 3, 0: means 5/3, 5/3, 1. Their mean is 13/9, their deviation √(4/27).
  const signals = { values: [0, 1, 3, 0, 0, 0], nonCausalAttention: [2, 1, 9] };
  const scores = scoresOf("non_causal", {}, signals);
  assertNear(scores, [2, 2, -4].map((ninths) => ninths / 9 / Math.sqrt(4 / 27)), 1e-6);
});

Deno.test("compactor: what stays in any case takes no part in the scores; the rest is leverage by the ratio, and attention", () => {
  const seen = { unrotatedKeys: [9, 4, 10, 4, 11, 4], values: [0, 1, 3, 0, 0, 0], nonCausalAttention: [2, 1, 9] };
  const around = (inner: readonly number[], outer: readonly number[]) => [...outer, ...inner, ...outer];
  const all = {
    unrotatedKeys: around(seen.unrotatedKeys, [7, -70]),
    nonCausalAttention: around(seen.nonCausalAttention, [500]),
    values: around(seen.values, [60, 0]),
  };
  const sketch = { sketchSize: 1 };
  const [byKeys, byAttention] = ["leverage", "non_causal"].map((name) =>
    scoresOf(name, name === "leverage" ? sketch : {}, seen)
  );
  const protect = { sinkTokens: 1, recentTokens: 1, ...sketch };
  const blended = (share: number) => [0, ...byKeys.map((score, row) => share * score + byAttention[row]), 0];
  assertNear(scoresOf("compactor", protect, all), blended(0.5));
  assertNear(scoresOf("compactor", { ...protect, blending: 3 }, all), blended(3));
});

Deno.test("cap: leverage of values that are weighted by keys like the mean query, times the weight", () => {
  // Cosines 1 and 0: weights 1 and 1/4. A = I + diag(1 · 1, 1/4 · 16): leverages 1/2 and 16/5.
  const signals = { keys: [2, 0, 0, 3], values: [1, 0, 0, 4], queryMoments: [5, 0, 0, 0, 0, 0] };
  assertNear(scoresOf("cap", { tau: Math.log(4), sinkTokens: 0 }, signals), [0.5, 0.8], 1e-5);
  assertNear(scoresOf("cap", { tau: Math.log(4), sinkTokens: 1 }, signals), [0, 16 / 17], 1e-5);
});

/** The rows that a policy keeps of one head with these keys of two numbers, which do not turn. */
function keptOfKeys(name: string, keys: readonly number[], ratio: number): number[] {
  const positions = Int32Array.from({ length: keys.length / 2 }, (_, row) => row);
  const model = { layerCount: 1, headDim: 2, groupSize: 1, rotary: uniformRotary(1, [0]) };
  const layer = { index: 0, model, heads: [{ positions, signal: () => Float32Array.from(keys) }] };
  return [...policy(name).choose([layer], budgetForRatio(positions.length, ratio))[0][0].rows];
}

Deno.test("chunk: of each chunk the same part stays, compared with its own rows; the last may be short", () => {
  const norms = [1, 2, 3, 4, 9, 8, 7, 6, 5].flatMap((norm) => [norm, 0]);
  assertEquals(keptOfKeys("knorm", norms, 0.5), [0, 1, 2, 3]);
  assertEquals(keptOfKeys("chunk(knorm, chunkLength=4)", norms, 0.5), [0, 1, 6, 7, 8]);
  // In each chunk two keys point one way and a third another; of the whole text the ways are as frequent.
  const ways = [1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0];
  assertEquals(keptOfKeys("chunk(keydiff, chunkLength=3)", ways, 0.5), [2, 5]);
});

Deno.test("block: rows are compared with those that are left, and what went does not come back", () => {
  const norms = [5, 4, 3, 2, 1].flatMap((norm) => [norm, 0]);
  assertEquals(keptOfKeys("block(knorm, blockSize=1)", norms, 0.6), [3, 4]);
  // The first two keys point one way: the third, which differs, takes the place of one, and the fourth then of the other.
  const ways = [1, 0, 1, 0.1, -0.1, 1, 0, 1, 0.1, 1];
  const kept = keptOfKeys("block(keydiff, blockSize=1)", ways, 0.6);
  assertEquals(kept.length, 2);
  assertEquals(keptOfKeys("block(keydiff, blockSize=3)", ways, 0.6), keptOfKeys("keydiff", ways, 0.6));
});

Deno.test("threshold: what reaches it stays, and the window; how much follows no budget", () => {
  const norms = [1, 5, 2, 5, 5, 1, 5].flatMap((norm) => [norm, 0]);
  for (const ratio of [0, 0.9]) {
    assertEquals(keptOfKeys("threshold(knorm, threshold=-2, windowSize=1)", norms, ratio), [0, 2, 5, 6]);
    assertEquals(keptOfKeys("threshold(protect(knorm, sinks=2), threshold=-1, windowSize=0)", norms, ratio), [0, 1, 5]);
  }
  assertEquals(policy("threshold(knorm)").size, "own");
  assertEquals(policy("adakv(knorm)").size, undefined);
});

Deno.test("threshold: one that evicts every row is refused in a line that names the highest score", () => {
  const norms = [3, 5, 2, 5].flatMap((norm) => [norm, 0]);
  assertThrows(
    () => keptOfKeys("threshold(knorm, threshold=-1, windowSize=1)", norms, 0),
    RangeError,
    "Cannot evict by threshold -1 of threshold(knorm) as it would evict every row that is not protected: " +
      "the highest score is -2, give at most that",
  );
  // Where all rows are in the window, none is judged.
  assertEquals(keptOfKeys("threshold(knorm, threshold=-1)", norms, 0), [0, 1, 2, 3]);
  assertThrows(() => policy("threshold(kvzip)"), TypeError, "Cannot wrap kvzip in threshold as it shares out rows");
  assertThrows(() => policy("adakv(threshold(knorm))"), TypeError, "Cannot wrap threshold(knorm) in adakv");
});

Deno.test("simlayerkv: a layer whose newest query looks near keeps sinks and neighbors, others keep all", () => {
  const layer = (index: number, attention: readonly number[]): Layer => ({
    ...oneHead(Float64Array.from(attention)),
    index,
  });
  const [lazy, wide] = [[0.5, 0, 0, 0, 0.1, 0.3, 0.1], [0.1, 0.5, 0, 0, 0.1, 0.2, 0.1]];
  const kept = (options: PolicyOptions) =>
    policy("simlayerkv", { sinkTokens: 1, recentTokens: 2, ...options })
      .choose([layer(0, lazy), layer(1, wide)], budgetForRatio(7, 0)).map(([{ rows }]) => [...rows]);
  // The query's own row does not count: 0.5 + 0.1 + 0.3 against 0.1 + 0.1 + 0.2.
  assertEquals(kept({ lazyThreshold: 0.8 }), [[0, 6], [0, 1, 2, 3, 4, 5, 6]]);
  assertEquals(kept({ lazyThreshold: 0.3 }), [[0, 6], [0, 6]]);
  assertEquals(kept({ lazyThreshold: 0.95 }).flat().length, 14);
  assertEquals(kept({ lazyThreshold: 0.3, recentTokens: 5 }).flat().length, 14, "no longer than what would stay");
});

Deno.test("heads that lost tokens still agree on those they have", () => {
  const cache = syntheticCache(60);
  cache.compress(policy("random"), { compressionRatio: 0.5 });
  cache.compress(policy("heavy_hitter", { sinkTokens: 2 }), { compressionRatio: 0.5 });
  const positions = cache.layers().flatMap(({ heads }) => heads.map((head) => [...head.positions]));
  const all = new Set(positions.flat());
  assert(all.size <= 30);
});

Deno.test("heads of lengths of their own: every policy still chooses rows that are there", async () => {
  for (const { name, options } of MATRIX) {
    const cache = syntheticCache(90);
    cache.compress(policy("adakv(knorm)"), { compressionRatio: 0.4 });
    const chooser = policy(name, options);
    await cache.observe(chooser);
    cache.keep(chooser.choose(layersOf(cache), budgetForRatio(cache.longestHead, 0.5)));
    assert(cache.liveBytes <= cache.fullBytes);
  }
});

Deno.test("pyramid(snapkv) is pyramidkv as its paper has it", () => {
  const cache = syntheticCache(200);
  for (const ratio of [0.1, 0.5, 0.75, 0.85]) {
    const chosen = (name: string) => policy(name).choose(cache.layers(), budgetForRatio(200, ratio));
    assertEquals(chosen("pyramid(snapkv)"), chosen("pyramidkv(smallestLayer=1)"));
    const rows = chosen("pyramid(knorm)").map(([{ rows }]) => rows.length);
    assert(rows[0] > rows[1], `${rows} at ${ratio}`);
  }
});

Deno.test("numbers in parentheses are a policy's or a wrapper's own, and belong to its name", () => {
  const cache = syntheticCache(100);
  const chosen = (name: string, options: PolicyOptions = {}) =>
    policy(name, options).choose(cache.layers(), budgetForRatio(100, 0.5));
  assertEquals(chosen("random(seed=9)"), chosen("random", { seed: 9 }));
  assertEquals(chosen("adakv(random(seed=9))"), chosen("adakv(random)", { seed: 9 }));
  assertEquals(chosen("random(seed=9)", { seed: 4 }), chosen("random", { seed: 4 }));
  assertEquals(chosen("protect(knorm, sinks=8, recent=3)")[0][0].rows.filter((row) => row < 8 || row > 96).length, 11);
  assertEquals(chosen("chunkkv( knorm , chunkLength=50)")[1][2].rows.length, 50);
  const name = "protect(adakv(random(seed=2)), sinks=8)";
  assertEquals(policy(name).name, name);
  assertEquals(policy("hybrid(sinkTokens=3)").name, "hybrid(sinkTokens=3)");
});

Deno.test("wrappers that cannot wrap, and names that cannot be read, are one line", () => {
  assertThrows(() => policy("adakv(hybrid)"), TypeError, "Cannot wrap hybrid in adakv as it ranks whole tokens");
  assertThrows(() => policy("chunkkv(adakv(knorm))"), TypeError, "Cannot wrap adakv(knorm) in chunkkv");
  for (const name of ["adakv(", "adakv(snapkv", "snapkv)", "(snapkv)", "adakv(knorm)(tova)", "adakv()knorm("]) {
    assertThrows(() => policy(name), SyntaxError, "write it like adakv(snapkv)");
  }
  for (
    const [name, why] of [
      ["protect(knorm, sinks=many)", 'as sinks is "many", which is no number'],
      ["protect(knorm, sinks=)", 'as sinks is "", which is no number'],
      ["protect(knorm, sinks=0x10)", 'as sinks is "0x10", which is no number'],
      ["protect(knorm, sinks=1, sinks=2)", "as sinks is given twice"],
      ["protect(knorm, tova)", "as protect takes one policy and not 2"],
    ]
  ) assertThrows(() => policy(name), SyntaxError, why);
  assertThrows(
    () => policy("protect(knorm, sink=4)"),
    TypeError,
    "Cannot set sink on wrapper protect: did you mean sinks? Its options are sinks, recent",
  );
  assertThrows(() => policy("knorm(sinks=4)"), TypeError, "Cannot set sinks on policy knorm: it takes no options");
  assertThrows(
    () => policy("snapkv(knorm)"),
    RangeError,
    "Cannot wrap knorm in snapkv as it is a policy: wrappers are",
  );
  assertThrows(() => policy("protect(sinks=4)"), RangeError, "Cannot use protect by itself");
  assertThrows(() => policy("adakv"), RangeError, "Cannot use adakv by itself");
  assertThrows(() => policy("adakw(knorm)"), RangeError, "did you mean adakv?");
  assertThrows(() => policy("adakv(knrom)"), RangeError, "did you mean knorm?");
});

Deno.test("numbers of tokens and rows are whole, in options and in parentheses", () => {
  for (
    const [name, what] of [
      ["streaming_llm(sinkTokens=-1)", "sinkTokens -1 for streaming_llm as it must be a whole number of at least 0"],
      ["protect(knorm, recent=-1)", "recent -1 for protect as it must be a whole number of at least 0"],
      ["protect(knorm, recent=1.5)", "recent 1.5 for protect as it must be a whole number of at least 0"],
      ["adakv(kvzip_plus(sinkTokens=0.5))", "sinkTokens 0.5 for kvzip_plus"],
      ["lagkv(lagSize=0)", "lagSize 0 for lagkv as it must be a whole number of at least 1"],
      ["snapkv(windowSize=0)", "windowSize 0 for snapkv as it must be a whole number of at least 1"],
      ["pyramidkv(smallestLayer=1.5)", "smallestLayer 1.5 for pyramidkv"],
      ["cur(windowSize=0)", "windowSize 0 for cur as it must be a whole number of at least 1"],
      ["compactor(blending=-1)", "blending -1 for compactor as it must be at least 0"],
      ["compactor(sinkTokens=0.5)", "sinkTokens 0.5 for compactor as it must be a whole number"],
      ["leverage(sketchSize=0)", "sketchSize 0 for leverage as it must be a whole number of at least 1"],
      ["cap(futurePositions=0)", "futurePositions 0 for cap as it must be a whole number of at least 1"],
      ["cap(tau=-1)", "tau -1 for cap as it must be at least 0"],
      ["chunk(knorm, chunkLength=0)", "chunkLength 0 for chunk as it must be a whole number of at least 1"],
      ["block(knorm, blockSize=0)", "blockSize 0 for block as it must be a whole number of at least 1"],
      ["threshold(knorm, windowSize=-1)", "windowSize -1 for threshold as it must be a whole number of at least 0"],
      ["simlayerkv(lazyThreshold=1.1)", "lazyThreshold 1.1 for simlayerkv as it must be in [0, 1]"],
      ["simlayerkv(recentTokens=2, lastQueries=3)", "recentTokens 2 for simlayerkv as it must be a whole number of"],
      ["random(seed=-3)", "seed -3 for random"],
      ["hybrid(topk=2.5)", "topk 2.5 for hybrid"],
    ]
  ) assertThrows(() => policy(name), RangeError, `Cannot use ${what}`);
  const undefinedIsDefault = policy("streaming_llm", { sinkTokens: undefined });
  assertEquals(undefinedIsDefault.definition?.protect, { sinks: 4 });
});

Deno.test("the table's defaults are those that policies use", () => {
  const cache = syntheticCache(200);
  for (const [name, { options: defaults }] of Object.entries(POLICIES)) {
    const options = Object.fromEntries(
      Object.entries(defaults).flatMap(([option, value]) => typeof value === "number" ? [[option, value]] : []),
    );
    const rows = (given: PolicyOptions) => policy(name, given).choose(layersOf(cache), budgetForRatio(200, 0.5));
    if (policy(name).signals.some((signal) => typeof signal === "string" && UNOBSERVED.includes(signal))) continue;
    assertEquals(rows(options), rows({}), name);
  }
});

/** Signals of a second pass, which the layers here do not have. */
const UNOBSERVED = ["reconstruction", "normalizedReconstruction", "predictedAttention", "filterResponse"];

Deno.test("unknown names and numbers are refused in a line that names them", () => {
  assertThrows(() => policy("hybird"), RangeError, "did you mean hybrid?");
  assertThrows(
    () => policy("keep_all", { topk: 3 }),
    TypeError,
    "Cannot set topk on policy keep_all: it takes no options",
  );
  assertThrows(() => policy("hybrid", { windowSize: -1 }), RangeError, "Cannot use windowSize -1 for hybrid");
  assertThrows(() => policy("constructor"), RangeError, "Cannot find policy");
});

function oneHead(attention: Float64Array, novelty = new Float64Array(attention.length)): Layer {
  return {
    index: 0,
    model: { layerCount: 1, headDim: 4, groupSize: 1, rotary: uniformRotary(1, defaultFrequencies(4, 10_000)) },
    heads: [{
      positions: Int32Array.from(attention.keys()),
      signal: (signal) =>
        signal === "novelty" ? novelty : signal === "keys" ? syntheticNumbers(attention.length * 4, 1) : attention,
    }],
  };
}

function rowsOf(layer: Layer, name: string, options: PolicyOptions): number[] {
  const [[{ rows }]] = policy(name, options).choose([layer], { ratio: 0, rows: layer.heads[0].positions.length });
  return [...rows];
}
