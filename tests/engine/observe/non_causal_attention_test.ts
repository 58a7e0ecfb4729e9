import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type KvCache, loadModel, prefillRecordings } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { softmax } from "../../../lib/numeric/softmax.ts";
import { buildNonCausalAttention, nonCausalAttention } from "../../../lib/engine/observe/non_causal_attention.ts";
import { openGraph } from "../../../lib/engine/runtime/graph_session.ts";
import { defaultFrequencies } from "../../../lib/numeric/rotary.ts";
import { openCheckpoint } from "../../fixtures/golden.ts";
import { syntheticNumbers } from "../../fixtures/synthetic_cache.ts";
import { uniformRotary } from "../../fixtures/uniform_rotary.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const CHOOSER = policy("compactor(sinkTokens=4)");
const RECORDINGS = prefillRecordings(CHOOSER.signals);
const TEXT = Array.from({ length: 40 }, (_, index) => `The special number for word${index} is ${1000 + index}.`).join(
  " ",
);

/** Turns a vector to a position: the first half's numbers and the second's are the pairs. */
function turned(vector: Float32Array, position: number, frequencies: readonly number[]): number[] {
  const half = frequencies.length;
  return Array.from(vector, (value, dim) => {
    const angle = position * frequencies[dim % half];
    const other = dim < half ? -vector[dim + half] : vector[dim - half];
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

Deno.test("non-causal attention is the softmax over all of a chunk, summed over queries, over a group the mean", async () => {
  await using checkpoint = await openCheckpoint("qwen2_untied_f32");
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = checkpoint.config;
  const frequencies = [...defaultFrequencies(headDim, 10_000)];
  const [count, width, group, position] = [5, (heads + kvHeads) * headDim, heads / kvHeads, 700];
  const values = [1, 2].map((seed) => syntheticNumbers(count * width, seed).map((value) => 4 * value - 2));
  await using graph = await openGraph(buildNonCausalAttention(checkpoint.config));
  const rotary = uniformRotary(2, frequencies);
  const found = await nonCausalAttention(graph, checkpoint.config, values, rotary, position);
  assertEquals(found.length, 2 * kvHeads);
  let largest = 0;
  values.forEach((layer, index) => {
    const vector = (token: number, head: number) =>
      turned(
        layer.slice(token * width + head * headDim, token * width + (head + 1) * headDim),
        position + token,
        frequencies,
      );
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      const sums = new Float64Array(count);
      for (let query = 0; query < count * group; query++) {
        const own = vector(query % count, kvHead * group + Math.floor(query / count));
        const scores = Array.from({ length: count }, (_, row) => {
          const key = vector(row, heads + kvHead);
          return own.reduce((sum, value, dim) => sum + value * key[dim], 0);
        });
        softmax(Float64Array.from(scores)).forEach((share, row) => sums[row] += share / group);
      }
      sums.forEach((sum, row) => largest = Math.max(largest, Math.abs(sum - found[index * kvHeads + kvHead][row])));
    }
  });
  console.error(`  largest difference from float64: ${largest.toExponential(1)}`);
  assert(largest < 1e-4);
});

/** What a cache holds of every row, by head. */
function recorded(cache: KvCache): number[][] {
  return cache.layers().flatMap(({ heads }) => heads.map((head) => [...head.signal("nonCausalAttention")]));
}

Deno.test("compactor: a chunk's attention follows its rows through evictions, rewinds, files, and sums to its tokens", async () => {
  await using model = await loadModel("tiny", { weights: "f32" });
  using whole = await model.prefill(TEXT, { recordings: RECORDINGS, chunkLength: 64 });
  const before = recorded(whole);
  for (const head of before) assertAlmostEquals(head.slice(0, 64).reduce((sum, value) => sum + value), 64, 1e-3);
  using kept = whole.fork();
  kept.compress(CHOOSER, { compressionRatio: 0.75 });
  const { kvHeadCount } = kept.shape;
  const picked = before.map((head, index) =>
    [...kept.rowPositions(Math.floor(index / kvHeadCount), index % kvHeadCount)].map((row) => head[row])
  );
  assertEquals(recorded(kept), picked);
  using back = whole.fork();
  back.rewind(100);
  assertEquals(recorded(back), before.map((head) => head.slice(0, 100)));
  back.compress(CHOOSER, { compressionRatio: 0.5 });
  await withFolder(async (path) => {
    await kept.save(path("kept.kvcache"));
    using loaded = await model.loadCache(path("kept.kvcache"));
    assertEquals(recorded(loaded), recorded(kept));
    await model.read(loaded, [5]);
    assertEquals(recorded(loaded)[0].at(-1), 1, "a token alone looks at itself");
  });
});

Deno.test("compactor: bounds a cache; one that was not read for it is told so", async () => {
  await using model = await loadModel("tiny");
  const bound = { policy: policy("non_causal"), rows: 48, compressionInterval: 16 };
  using bounded = await model.prefill(TEXT, { bound });
  assert(bounded.evictableRows <= 64 * bounded.evictableHeads && bounded.tokenCount > 64);
  using plain = await model.prefill(TEXT);
  assertThrows(() => plain.compress(CHOOSER, { compressionRatio: 0.5 }), TypeError, "which reading records if");
  await assertRejects(() => model.read(plain, [5], { bound }), TypeError, "nonCausalAttention");
});
