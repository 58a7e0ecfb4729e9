import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { loadModel, parseCacheDtype } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { type CacheLayout, cacheLayout } from "../../lib/plan/cache_layout.ts";
import { planCache } from "../../lib/plan/cache_plan.ts";
import type { LayerState } from "../../lib/plan/layer_state.ts";
import { PUBLISHED_MODELS, publishedLayout } from "../../lib/plan/published_models.ts";

const DTYPES = ["f32", "f16", "int8", "int4"] as const;
const layoutOf = (...states: LayerState[]): CacheLayout => ({ modelType: "made up", layers: [states] });
const FULL: LayerState = { kind: "full attention", kvHeads: 2, keyDim: 64, valueDim: 64 };

Deno.test("full attention, by hand: 132 rows of 2 heads of 64", () => {
  const { sizes, layers } = planCache(layoutOf(FULL), { context: 132 });
  // 32 rows of each head stay float32 in int8 and int4: 32 · 512 bytes. The other 100: 64 + 64 codes and two scales of
  // 4 bytes are 136, 32 + 32 codes and two scales and mins are 80.
  const bytes = { f32: 2 * 132 * 512, f16: 2 * 132 * 256, int8: 2 * (16_384 + 13_600), int4: 2 * (16_384 + 8000) };
  assertEquals(sizes[0], { compression_ratio: 0, bytes });
  assertEquals(layers[0].bytes_per_token, { f32: 1024, f16: 512, int8: 272, int4: 160 });
  assertEquals([layers[0].rows, layers[0].row_limit, layers[0].bytes], [132, null, bytes]);
  // 0.75 leaves 33 rows, one of them older than the residual.
  assertEquals(sizes[2].bytes, { f32: 66 * 512, f16: 66 * 256, int8: 2 * (16_384 + 136), int4: 2 * (16_384 + 80) });
});

Deno.test("a window holds its tokens and no more, and no ratio touches it", () => {
  const window = layoutOf({ kind: "sliding window", rowLimit: 100, kvHeads: 1, keyDim: 8, valueDim: 8 });
  const size = (context: number) => planCache(window, { context }).sizes.map(({ bytes }) => bytes.f16);
  assertEquals(size(60), [60 * 32, 60 * 32, 60 * 32, 60 * 32]);
  assertEquals(size(100), [3200, 3200, 3200, 3200]);
  assertEquals(size(1_000_000), [3200, 3200, 3200, 3200]);
});

Deno.test("latents, by hand: 576 numbers a token, two vectors with scales of their own", () => {
  const latent = layoutOf({ kind: "latent attention", kvHeads: 1, keyDim: 64, valueDim: 512 });
  const { bytes_per_token } = planCache(latent, { context: 1 }).layers[0];
  assertEquals(bytes_per_token, { f32: 2304, f16: 1152, int8: 576 + 8, int4: 288 + 16 });
});

Deno.test("states of fixed size are float32 at every context and dtype; shared rows are nothing", () => {
  const layout = layoutOf({ kind: "state space", values: 1000 }, { kind: "shared rows" });
  for (const context of [1, 100_000]) {
    const { sizes, layers } = planCache(layout, { context, batch: 3 });
    for (const { bytes } of sizes) assertEquals(bytes, { f32: 12_000, f16: 12_000, int8: 12_000, int4: 12_000 });
    assertEquals(layers.map(({ kind, bytes }) => [kind, bytes.f16]), [["state space", 12_000], ["shared rows", 0]]);
  }
});

Deno.test("states, by hand", () => {
  const states = (name: string, kind: LayerState["kind"]) =>
    publishedLayout(name).layers.flat().find((state) => state.kind === kind);
  // Granite 4.0 H Tiny: 3 inputs of 3072 + 2 · 128 channels, and 48 heads of 64 channels of 128 numbers.
  assertEquals(states("granite-4.0-h-tiny", "state space"), {
    kind: "state space",
    values: 3 * (3072 + 256) + 3072 * 128,
  });
  // Qwen3-Next: 3 inputs of 2 · 16 · 128 + 32 · 128 channels, and 32 matrices of 128 · 128.
  assertEquals(states("qwen3-next-80b-a3b", "linear attention"), {
    kind: "linear attention",
    values: 3 * 8192 + 32 * 128 * 128,
  });
  // LFM2: 2 inputs of 2048 channels.
  assertEquals(states("lfm2-1.2b", "convolution"), { kind: "convolution", values: 4096 });
});

Deno.test("published models, by hand: bytes of f16 at 32,768 tokens", () => {
  const size = (name: string, context = 32_768) => planCache(publishedLayout(name), { context }).sizes[0].bytes.f16;
  assertEquals(size("qwen2.5-0.5b"), 12_288 * 32_768);
  assertEquals(size("llama-3.1-8b"), 32 * 8 * 256 * 2 * 32_768); // 4 GiB
  assertEquals(size("deepseek-v2-lite"), 27 * 576 * 2 * 32_768);
  // 34 layers of 4 heads of 256: 5 see all, 29 the newest 1,024 tokens.
  assertEquals(size("gemma-3-4b"), 4 * 512 * 2 * (5 * 32_768 + 29 * 1024));
  // Of 35 layers 20 keep rows of 2 heads of 256: 4 see all, 16 the newest 512 tokens.
  assertEquals(size("gemma-3n-e4b"), 2 * 512 * 2 * (4 * 32_768 + 16 * 512));
  // Of 42 layers 24 keep rows of 2 heads: 4 of 512 numbers see all, 20 of 256 see the newest 512 tokens.
  assertEquals(size("gemma-4-e4b"), 2 * 2 * (4 * 1024 * 32_768 + 20 * 512 * 512));
  assertEquals(size("mistral-7b-v0.1"), size("mistral-7b-v0.3", 4096));
  // 36 of 48 layers keep the newest 8,192 tokens.
  assertEquals(size("llama-4-scout"), 8 * 256 * 2 * (12 * 32_768 + 36 * 8192));
  assertEquals(size("granite-4.0-h-tiny"), 4 * 4 * 256 * 2 * 32_768 + 36 * 4 * 403_200);
});

Deno.test("every published model is read, names its source, and goes by one name", () => {
  for (const { name, source } of PUBLISHED_MODELS) {
    assert(publishedLayout(name).layers.length > 0, name);
    assert(source.startsWith("https://"), name);
  }
  assertEquals(new Set(PUBLISHED_MODELS.map(({ name }) => name)).size, PUBLISHED_MODELS.length);
  assertThrows(() => publishedLayout("gemma-3-4"), RangeError, "did you mean gemma-3-4b?");
});

Deno.test("sizes are what a live cache of the embedded model reports, full, evicted and quantized", async () => {
  const config = JSON.parse(Deno.readTextFileSync(new URL("../../data/models/tiny/config.json", import.meta.url)));
  await using model = await loadModel("tiny", { weights: "f32", threads: 1 });
  const text = "The rain fell in torrents on the harbour, and nobody went out. ".repeat(12);
  using cache = await model.prefill(text);
  const { sizes } = planCache(cacheLayout(config), { context: cache.tokenCount });
  assert(cache.tokenCount > 200, "some rows must be older than the residual at every ratio");
  assertEquals(sizes[0].bytes.f32, cache.fullBytes);
  for (const { compression_ratio, bytes } of sizes) {
    for (const dtype of ["f32", "int8", "int4"] as const) {
      using fork = cache.fork();
      fork.compress(policy("streaming_llm"), { compressionRatio: compression_ratio });
      if (dtype !== "f32") fork.quantize(parseCacheDtype(dtype));
      assertEquals(bytes[dtype], fork.liveBytes, `${dtype} at ${compression_ratio}`);
    }
  }
  using half = cache.fork();
  half.quantize(parseCacheDtype("f16", 0));
  assertEquals(sizes[0].bytes.f16, half.liveBytes);
});

const count = (max: number) => fc.integer({ min: 1, max });
const rows = fc.record({ kvHeads: count(8), keyDim: count(64), valueDim: count(64) })
  .map((sizes) => ({ ...sizes, keyDim: 2 * sizes.keyDim, valueDim: 2 * sizes.valueDim }));
const anyState: fc.Arbitrary<LayerState> = fc.oneof(
  rows.map((sizes) => ({ kind: "full attention" as const, ...sizes })),
  fc.tuple(rows, count(300)).map(([sizes, rowLimit]) => ({ kind: "sliding window" as const, rowLimit, ...sizes })),
  fc.record({ kind: fc.constant("state space" as const), values: count(1000) }),
  fc.constant({ kind: "shared rows" as const }),
);
const anyLayout = fc.array(fc.array(anyState, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 5 })
  .map((layers): CacheLayout => ({ modelType: "made up", layers }));

Deno.test("bytes never fall with the context and never rise with the ratio; windows never hold more than their tokens", () => {
  fc.assert(fc.property(anyLayout, count(600), count(100), count(4), (layout, context, more, batch) => {
    const [one, other] = [context, context + more].map((length) => planCache(layout, { context: length, batch }));
    one.sizes.forEach(({ bytes }, index) => {
      for (const dtype of DTYPES) {
        assert(bytes[dtype] <= other.sizes[index].bytes[dtype]);
        assert(index === 0 || bytes[dtype] <= one.sizes[index - 1].bytes[dtype]);
      }
    });
    for (const { row_limit, rows, layers, kv_heads, key_dim, value_dim, bytes } of other.layers) {
      if (row_limit === null) continue;
      assert(rows <= row_limit);
      assert(bytes.f32 <= batch * layers * kv_heads * row_limit * 4 * (key_dim + value_dim));
    }
    for (const dtype of DTYPES) {
      const sum = one.layers.reduce((total, { bytes }) => total + bytes[dtype], 0);
      assertEquals(one.sizes[0].bytes[dtype], sum);
    }
  }));
});

Deno.test("the longest context of a budget fits, and one token more does not", () => {
  fc.assert(
    fc.property(anyLayout, count(5_000_000), count(3), (layout, budget, batch) => {
      const { longest_contexts } = planCache(layout, { context: 1, budget, batch });
      longest_contexts.forEach(({ tokens, compression_ratio }, index) => {
        const bytes = (context: number, dtype: typeof DTYPES[number]) =>
          planCache(layout, { context, batch }).sizes[index].bytes[dtype];
        for (const dtype of DTYPES) {
          const most = tokens[dtype];
          if (most === null) assert(bytes(2 ** 20, dtype) <= budget, `${compression_ratio}`);
          else {
            assert(most === 0 || bytes(most, dtype) <= budget);
            assert(bytes(most + 1, dtype) > budget);
          }
        }
      });
    }),
    { numRuns: 50 },
  );
});

Deno.test("a context, batch, ratio or budget out of range is a RangeError that names it", () => {
  const layout = layoutOf(FULL);
  const wrong: [Parameters<typeof planCache>[1], string][] = [
    [{ context: 0 }, "a context of 0 tokens as it must be a whole number from 1 to 4294967296"],
    [{ context: -5 }, "a context of -5 tokens"],
    [{ context: 1.5 }, "a context of 1.5 tokens"],
    [{ context: 2 ** 33 }, "a context of 8589934592 tokens"],
    [{ context: 1, batch: 0 }, "a batch of 0 sequences"],
    [{ context: 1, compressionRatios: [1] }, "Cannot compress to ratio 1 as it must be in [0, 1)"],
    [{ context: 1, budget: 0 }, "Cannot plan for 0 bytes as a budget must be above 0"],
    [{ context: 2 ** 32, batch: 2 ** 16 }, "as the limit is 2^53 - 1"],
  ];
  for (const [options, message] of wrong) assertThrows(() => planCache(layout, options), RangeError, message);
});
