import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { cacheDtypeName, KvCache, loadModel, type Model, parseCacheDtype, recordingsFor } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { logProbabilities } from "../../../../lib/numeric/log_probabilities.ts";
import { defaultFrequencies } from "../../../../lib/numeric/rotary.ts";
import { appendRows } from "../../../fixtures/append_rows.ts";
import { uniformRotary } from "../../../fixtures/uniform_rotary.ts";
import { largestDifference, numbers, openCheckpoint, readGolden } from "../../../fixtures/golden.ts";
import { appendSynthetic, SHAPE, signalsOf, snapshot, syntheticCache } from "../../../fixtures/synthetic_cache.ts";
import { withFolder } from "../../../fixtures/with_folder.ts";
import { watchAppends } from "../../../fixtures/watch_appends.ts";

/** What tests/goldens/make_row_format_goldens.py writes. */
interface CacheDtypeGoldens {
  readonly window: number;
  readonly context: number;
  readonly models: Record<string, Record<string, { question: string; next: string; moved: number }>>;
}

const goldens: CacheDtypeGoldens = JSON.parse(
  Deno.readTextFileSync(new URL("../../../goldens/row_formats.json", import.meta.url)),
);

/** How far a log-probability may be from PyTorch's over the same rounded rows. */
const EXACT = 1e-3;

/**
 * Rows differ from PyTorch's in their last bits, so that one of some 100,000 numbers may fall on the other side of a tie;
 * and where whole numbers are multiplied, queries and probabilities are of 15 bits. Both move far less than rounding does.
 */
const SHARE_OF_ROUNDING = 0.25;

for (const [name, formats] of Object.entries(goldens.models)) {
  Deno.test(`${name} over rows in fewer bits agrees with PyTorch over the same rows`, async () => {
    await using model = name === "tiny"
      ? await loadModel("tiny", { weights: "f32", threads: 1 })
      : await openCheckpoint(name);
    const { ids, question } = readGolden(name);
    using context = model.createCache(["all"]);
    await model.read(context, ids.slice(0, goldens.context), { logitsOf: "none" });
    const exact: number[] = [];
    const decoded: number[] = [];
    for (const [format, golden] of Object.entries(formats)) {
      using cache = context.fork();
      cache.quantize(parseCacheDtype(format, goldens.window));
      exact.push(difference(await model.read(cache, question, { attention: "skip" }), golden.question));
      using recording = cache.fork();
      exact.push(difference(await model.read(recording, [question[0]], { attention: "record" }), golden.next));
      decoded.push(difference(await model.read(cache, [question[0]], { attention: "skip" }), golden.next));
      const most = Math.max(...exact.slice(-2), ...decoded.slice(-1));
      assert(
        most <= EXACT + SHARE_OF_ROUNDING * golden.moved,
        `${format}: ${most} where rounding moves ${golden.moved}`,
      );
    }
    console.log(`${name}: at most ${Math.max(...exact)}, ${Math.max(...decoded)} where whole numbers are multiplied`);
    const median = exact.sort((one, other) => one - other)[exact.length >> 1];
    assert(median <= EXACT / 5, `half of the log-probabilities differ by ${median} or more`);
  });
}

function difference(logits: Float32Array, golden: string): number {
  const [ours, theirs] = [logits, numbers(golden)].map((of) => Float32Array.from(logProbabilities(of)));
  return largestDifference(ours, theirs);
}

const FORMATS = ["f16", "int8", "int4", "int8:channel/int8", "int4:channel/int4", "f32/int8", "int8/f16"];
const all = (cache: KvCache) => [snapshot(cache), signalsOf(cache), cache.liveBytes, cacheDtypeName(cache.cacheDtype)];

Deno.test("the window stays as it was, the rest is rounded, and bytes say so", () => {
  const cache = syntheticCache(200);
  const before = snapshot(cache);
  cache.quantize(parseCacheDtype("int8", 30));
  const after = snapshot(cache);
  for (const [layer, heads] of after.layers.entries()) {
    for (const [head, { keys, values, attention }] of heads.entries()) {
      const own = before.layers[layer][head];
      assertEquals(keys.slice(170 * 4), own.keys.slice(170 * 4));
      assert(keys.some((key, at) => key !== own.keys[at]) && values.some((value, at) => value !== own.values[at]));
      assertEquals(attention, own.attention);
    }
  }
  // 4 numbers a vector: a quantized row takes 2 · (4 + 4) bytes, a float32 row 2 · 16.
  assertEquals(cache.liveBytes, 6 * (170 * 16 + 30 * 32));
  assertEquals(cache.headBytes(0, 0).live, 170 * 16 + 30 * 32);
  appendSynthetic(cache, 63, 5);
  assertEquals(cache.liveBytes, 6 * (170 * 16 + 93 * 32), "rows are rounded many at a time");
  appendSynthetic(cache, 1, 6);
  assertEquals(cache.liveBytes, 6 * (234 * 16 + 30 * 32));
});

Deno.test("forks, evictions, pins and files treat rounded rows as any others", async () => {
  await withFolder(async (path) => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...FORMATS),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 150 }),
        async (format, window, rows) => {
          await using model = await openCheckpoint("qwen2_untied_f32");
          using cache = model.createCache(["all", 1, 64]);
          await model.read(cache, Array.from({ length: 150 }, (_, index) => 3 + (index * 7) % 300), {
            logitsOf: "none",
          });
          using float = cache.fork();
          const untouched = all(float);
          cache.quantize(parseCacheDtype(format, window));
          assertEquals(all(float), untouched, "a fork changed with its sibling");
          const rounded = snapshot(cache);
          cache.pin(3, 5);
          const choice = policy("tova");
          using fork = cache.fork();
          fork.compress(choice, { rows: Math.max(rows, 3) });
          // What stays stands for what it stood for.
          for (const [layer, heads] of snapshot(fork).layers.entries()) {
            for (const [head, { positions, keys, values }] of heads.entries()) {
              const own = rounded.layers[layer][head];
              assertEquals(keys, positions.flatMap((at) => own.keys.slice(at * 16, at * 16 + 16)));
              assertEquals(values, positions.flatMap((at) => own.values.slice(at * 16, at * 16 + 16)));
            }
          }
          assertEquals(snapshot(cache), rounded);
          await fork.save(path("c"));
          using loaded = await model.loadCache(path("c"));
          assertEquals(all(loaded), all(fork));
          const next = [[5], [6, 7, 8]];
          for (const ids of next) {
            assertEquals(await model.read(loaded, ids), await model.read(fork, ids), "a loaded cache went another way");
          }
          assertEquals(all(loaded), all(fork));
        },
      ),
      { numRuns: 12 },
    );
  });
});

Deno.test("compressing to bytes counts rounded rows as what they take", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...FORMATS),
      fc.integer({ min: 0, max: 60 }),
      fc.double({ min: 0.1, max: 1, noNaN: true }),
      fc.constantFrom("knorm", "adakv(knorm)", "globalkv(keydiff)", "streaming_llm"),
      (format, window, share, name) => {
        using cache = syntheticCache(300);
        cache.quantize(parseCacheDtype(format, window));
        cache.pin(0, 3);
        const before = cache.evictableRows;
        const maxBytes = Math.floor(cache.liveBytes * share) + 6 * 4 * 32;
        cache.compress(policy(name), { maxBytes });
        assert(cache.liveBytes <= maxBytes, `${cache.liveBytes} bytes are more than ${maxBytes}`);
        assert(share < 1 || cache.evictableRows === before, "rows went though all would fit");
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("bytes in turn are never passed, in any format, by any policy, where heads are uneven as well", () => {
  const formats = [...FORMATS, "int4:channel", "int8:channel", "int4:channel/f16", "f32/int4:channel"];
  const policies = ["keydiff", "knorm", "random", "adakv(keydiff)", "globalkv(keydiff)", "lagkv", "streaming_llm"];
  let closest = 0;
  for (const format of formats) {
    for (const name of policies) {
      for (const uneven of [false, true]) {
        using cache = syntheticCache(400);
        if (uneven) cache.compress(policy("globalkv(knorm)"), { compressionRatio: 0.2 });
        cache.quantize(parseCacheDtype(format, 32));
        for (const share of [0.9, 0.5, 0.3, 0.15]) {
          const maxBytes = Math.floor(cache.liveBytes * share);
          // A lone row of each head, with its scales.
          if (maxBytes < 456) continue;
          const label = `${format} ${name} ${share} ${uneven ? "uneven" : "even"}`;
          cache.compress(policy(name), { maxBytes });
          assert(cache.liveBytes <= maxBytes, `${label}: ${cache.liveBytes} bytes are more than ${maxBytes}`);
          if (share === 0.9) closest = Math.max(closest, cache.liveBytes / maxBytes);
          assert(share < 0.5 || cache.liveBytes > 0.4 * maxBytes, `${label}: only ${cache.liveBytes} of ${maxBytes}`);
        }
      }
    }
  }
  assert(closest > 0.98, `the bytes are used: ${closest}`);
});

Deno.test("keys with a few numbers far larger than the others are warned about in int4 by row, and only there", () => {
  const said = (format: string, outlier: number) => {
    const notices: string[] = [];
    const shape = { ...SHAPE, headDim: 32, rotary: uniformRotary(SHAPE.layerCount, defaultFrequencies(32, 10_000)) };
    const cache = new KvCache(shape);
    const heads = shape.layerCount * shape.kvHeadCount;
    // Rows of 32 numbers in [-1, 1], the fifth larger: the bias of a channel.
    const keys = Float32Array.from(
      { length: heads * 80 * 32 },
      (_, index) => Math.sin(index * 7.1) + (index % 32 === 5 ? outlier : 0),
    );
    appendRows(cache, new Int32Array(80), keys, keys);
    cache.quantize(parseCacheDtype(format, 8), { onNotice: (notice) => notices.push(notice) });
    return notices;
  };
  assertEquals(said("int4", 0), []);
  for (const format of ["int8", "int4:channel", "f16", "int8/int4"]) assertEquals(said(format, 90), []);
  assertEquals(said("int4", 90).length, 1);
  assert(said("int4/f16", 90)[0].startsWith("keys of 6 of 6 heads have a few numbers far larger"));
});

Deno.test("a number of rows of all heads is never passed", () => {
  for (const name of ["knorm", "adakv(knorm)", "globalkv(knorm)", "pyramid(knorm)"]) {
    using cache = syntheticCache(300);
    cache.quantize(parseCacheDtype("int4:channel", 32));
    for (const totalRows of [1001, 500, 77, 6]) {
      cache.compress(policy(name), { totalRows });
      assert(
        cache.evictableRows <= totalRows && cache.evictableRows > 0.7 * totalRows,
        `${name} ${cache.evictableRows}`,
      );
    }
    if (name !== "knorm") continue;
    assertThrows(() => cache.compress(policy(name), { totalRows: 5 }), RangeError, "as one row a head takes 6");
  }
});

Deno.test("small bounds hold in every format, from one row a head on", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const ids = Array.from({ length: 260 }, (_, index) => 3 + (index * 11) % 300);
  const token = 6 * 128;
  for (const format of ["int8", "int4:channel/int4", "int4:channel", "f16"]) {
    for (const rows of [3, 20, 60]) {
      using cache = model.createCache([], parseCacheDtype(format, 32));
      const bound = { policy: policy("keydiff"), maxBytes: rows * token, compressionInterval: 8 };
      let most = 0;
      watchAppends(cache, ({ liveBytes }) => most = Math.max(most, liveBytes));
      await model.read(cache, ids, { bound, logitsOf: "none" });
      assert(most <= (rows + 8) * token && cache.liveBytes <= (rows + 8) * token, `${format} ${rows}: ${most} bytes`);
    }
  }
});

async function stream(model: Model, format: string, window: number): Promise<number> {
  const bound = { policy: policy("streaming_llm"), maxBytes: 160_000, compressionInterval: 16 };
  using cache = model.createCache(recordingsFor(bound.policy.signals), parseCacheDtype(format, window));
  const ids = Array.from({ length: 900 }, (_, index) => 3 + (index * 11) % 300);
  let most = 0;
  const onProgress = () => most = Math.max(most, cache.liveBytes);
  await model.read(cache, ids, { bound, onProgress, logitsOf: "none", chunkLength: 16 });
  for (const id of ids.slice(0, 90)) {
    await model.read(cache, [id], { bound });
    onProgress();
  }
  // A token of float32 rows in all heads: 3 layers of 2.
  assert(most <= 160_000 + 16 * 6 * 128, `${most} bytes are more than the bound and an interval`);
  assert(cache.liveBytes > 100_000, `only ${cache.liveBytes} bytes of 160,000 are used`);
  return cache.evictableRows / 6;
}

Deno.test("under a bound, bytes stay within it and an interval, and hold more rows in fewer bits", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const rows: number[] = [];
  for (const format of ["f32", "f16", "int8", "int4:channel/int4"]) rows.push(await stream(model, format, 16));
  assert(rows.every((count, index) => index === 0 || count > rows[index - 1]), `${rows} do not grow`);
});

Deno.test("values may be rounded where keys are turned to compact positions, keys not", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const ids = Array.from({ length: 400 }, (_, index) => 3 + (index * 13) % 300);
  const bound = { policy: policy("streaming_llm"), rows: 100, compressionInterval: 20, positions: "compact" as const };
  using cache = model.createCache([], parseCacheDtype("f32/int8", 10));
  await model.read(cache, ids, { bound });
  using float = model.createCache();
  await model.read(float, ids, { bound });
  assertEquals(cache.layers()[0].heads[0].signal("keys"), float.layers()[0].heads[0].signal("keys"));
  using wrong = model.createCache([], parseCacheDtype("int8/int4", 10));
  await assertRejects(() => model.read(wrong, ids, { bound }), RangeError, "hold rows as f32/int4");
  await model.read(wrong, ids.slice(0, 50));
  assertThrows(
    () => wrong.compress(policy("knorm"), { rows: 10, positions: "compact" }),
    RangeError,
    `positions "logical"`,
  );
  assertEquals([wrong.positions, wrong.longestHead], ["logical", 50]);
  assertThrows(() => float.quantize(parseCacheDtype("int8")), RangeError, "Cannot hold keys as int8");
});

Deno.test("rewinding within the window is to the bit; rows that were rounded since stay so", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const ids = Array.from({ length: 200 }, (_, index) => 3 + (index * 13) % 300);
  using cache = model.createCache([1]);
  await model.read(cache, ids);
  cache.quantize(parseCacheDtype("int8", 32));
  cache.mark();
  const before = all(cache);
  await model.read(cache, ids.slice(0, 60));
  cache.rewind(200);
  assertEquals(all(cache), before);
  await model.read(cache, ids.slice(0, 64));
  cache.rewind(200);
  assert(cache.liveBytes < 6 * (168 * 2 * 20 + 32 * 128), "all rows but none were rounded");
});

Deno.test("a policy that looks twice sees rounded rows too", async () => {
  await using model = await loadModel("tiny", { weights: "f32", threads: 1 });
  using cache = await model.prefill("Sam's dog is called Biscuit. ".repeat(8), {
    cacheDtype: parseCacheDtype("int8", 8),
  });
  for (const name of ["kvzip", "criticalkv(snapkv)", "globalkv(attention_probe)"]) {
    using fork = cache.fork();
    await fork.observe(policy(name));
    fork.compress(policy(name), { compressionRatio: 0.5 });
    assert(fork.liveBytes < 0.6 * cache.liveBytes);
  }
});

Deno.test("what cannot be is refused in a sentence, and nothing changes", async () => {
  const cache = syntheticCache(100);
  cache.quantize(parseCacheDtype("int8", 10));
  const before = all(cache);
  assertThrows(
    () => cache.quantize(parseCacheDtype("int4")),
    RangeError,
    "Cannot hold rows as int4 as 540 are int8 already",
  );
  assertEquals(all(cache), before);
  cache.quantize(parseCacheDtype("int8", 5));
  assertEquals(cache.headBytes(0, 0).live, 95 * 16 + 5 * 32);
  await using model = await openCheckpoint("qwen2_untied_f32");
  using bounded = model.createCache([], parseCacheDtype("int8", 64));
  const bound = { policy: policy("streaming_llm"), maxBytes: 700, compressionInterval: 16 };
  await assertRejects(
    () => model.read(bounded, [3, 4, 5], { bound }),
    RangeError,
    "Cannot bound a cache to 700 bytes as one row a head takes up to 768: give more",
  );
});
