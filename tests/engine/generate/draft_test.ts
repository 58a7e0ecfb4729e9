import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Bound, type Draft, type KvCache, type Model, parseCacheDtype } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { openCheckpoint } from "../../fixtures/golden.ts";
import { watchRuns } from "../../fixtures/watch_runs.ts";

const NAME = "qwen2_tied_bf16_sharded";
const TEXT = "The river runs slowly past the old mill in spring. Sam's dog is called Biscuit. ".repeat(4);
const OPTIONS = { maxNewTokens: 10, ignoreEos: true, template: "none" } as const;

async function evicted(model: Model): Promise<KvCache> {
  const cache = await model.prefill(TEXT, { template: "none" });
  cache.compress(policy("snapkv"), { compressionRatio: 0.5, positions: "compact" });
  return cache;
}

Deno.test("an answer that was foreseen takes one run, and leaves the cache as one that was not", async () => {
  await using model = await openCheckpoint(NAME);
  const start = await evicted(model);
  using plain = start.fork();
  const { ids, text } = await model.generate("Who?", { ...OPTIONS, cache: plain });
  using runs = watchRuns();
  using foreseen = start.fork();
  const again = await model.generate("Who?", { ...OPTIONS, cache: foreseen, draft: (so) => ids.slice(so.length) });
  assertEquals([again.ids, again.text], [ids, text]);
  assertEquals(runs.tokens, [model.questionIds("Who?", { template: "none" }).length + ids.length - 1]);
  assertSame(foreseen, plain);
});

for (const weights of ["f32", "int8", "int4"] as const) {
  Deno.test(`whatever the draft, the answer and the cache are the same: ${weights}`, () => foretell(weights));
}

const BOUNDS = [
  { policy: policy("streaming_llm"), rows: 48, compressionInterval: 1, positions: "compact" },
  { policy: policy("streaming_llm"), rows: 48, compressionInterval: 3, positions: "compact" },
  { policy: policy("globalkv(keydiff)"), rows: 40, compressionInterval: 4, positions: "logical" },
  { policy: policy("knorm"), maxBytes: 4_000, compressionInterval: 6, positions: "compact" },
] as const;

for (const bound of BOUNDS) {
  const size = "rows" in bound ? `${bound.rows} rows` : `${bound.maxBytes} bytes`;
  const name = `${bound.policy.name}, ${size}, every ${bound.compressionInterval} tokens`;
  Deno.test(`under a bound too, whatever the draft, the answer and the cache are the same: ${name}`, async () => {
    await foretell("int8", bound);
  });
}

async function foretell(weights: "f32" | "int8" | "int4", bound?: Bound): Promise<void> {
  await using model = await openCheckpoint(NAME, weights);
  const start = bound === undefined ? await evicted(model) : await model.prefill(TEXT, { template: "none", bound });
  const answer = async (draft: Draft) => {
    const cache = start.fork();
    const logits: Float32Array[] = [];
    const onLogits = (of: Float32Array) => logits.push(of.slice());
    const { ids } = await model.generate("Who?", {
      ...OPTIONS,
      ...(bound === undefined ? {} : { bound }),
      cache,
      draft,
      onLogits,
    });
    return { ids, logits, cache };
  };
  const plain = await answer(() => []);
  const token = fc.integer({ min: 0, max: model.config.vocabSize - 1 });
  // Each draft follows the answer for some tokens, then leaves it, and may come back at the next.
  const drafts = fc.array(fc.tuple(fc.nat(10), fc.array(token, { maxLength: 4 })), { minLength: 10, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(drafts, async (plan) => {
      const drafted = await answer(({ length }) => [
        ...plain.ids.slice(length, length + plan[length][0]),
        ...plan[length][1],
      ]);
      using cache = drafted.cache;
      assertEquals(drafted.ids, plain.ids);
      assertEquals(drafted.logits, plain.logits);
      assertSame(cache, plain.cache);
      assertEquals(heldRows(cache), heldRows(plain.cache));
    }),
    { numRuns: 25 },
  );
}

Deno.test("with float32 weights the answer, and the rows that a bound leaves, are those of no draft", async () => {
  await using model = await openCheckpoint(NAME);
  const start = await evicted(model);
  for (const bound of [undefined, ...BOUNDS]) {
    const [plain, drafted] = [start.fork(), start.fork()];
    const options = { ...OPTIONS, ...(bound === undefined ? {} : { bound }) };
    const { ids } = await model.generate("Who?", { ...options, cache: plain });
    const draft: Draft = ({ length }) => ids.slice(length, length + 1 + length % 4);
    assertEquals((await model.generate("Who?", { ...options, cache: drafted, draft })).ids, ids);
    assertEquals(heldRows(drafted), heldRows(plain));
  }
});

Deno.test("a draft under a bound saves runs, and leaves the cache within its bound", async () => {
  await using model = await openCheckpoint(NAME);
  const bound: Bound = { policy: policy("streaming_llm"), rows: 40, compressionInterval: 4, positions: "compact" };
  const start = await model.prefill(TEXT, { template: "none", bound });
  const { ids } = await model.generate("Who?", { ...OPTIONS, cache: start.fork(), bound });
  using runs = watchRuns();
  using cache = start.fork();
  await model.generate("Who?", { ...OPTIONS, cache, bound, draft: ({ length }) => ids.slice(length) });
  const [, ...answering] = runs.tokens;
  assert(answering.length <= 4, `runs of ${runs.tokens} tokens for ${ids.length - 1}`);
  assert(cache.longestHead < 40 + 4, `${cache.longestHead} rows`);
});

Deno.test("who stops listening, or aborts, has no draft in the cache", async () => {
  await using model = await openCheckpoint(NAME);
  const start = await evicted(model);
  const question = model.questionIds("Who?", { template: "none" }).length;
  const { ids } = await model.generate("Who?", { ...OPTIONS, cache: start.fork() });
  const draft: Draft = ({ length }) => ids.slice(length);
  using left = start.fork();
  for await (const _ of model.generate("Who?", { ...OPTIONS, cache: left, draft })) break;
  assertEquals(left.tokenCount, start.tokenCount + question);
  const long = "a ".repeat(300);
  const controller = new AbortController();
  using aborted = start.fork();
  await assertRejects(
    async () =>
      await model.generate(long, {
        ...OPTIONS,
        maxNewTokens: 2000,
        cache: aborted,
        draft: () => Array(600).fill(1),
        signal: controller.signal,
        onProgress: (read) => read > 512 && controller.abort(new Error("stop")),
      }),
    Error,
    "stop",
  );
  assert(aborted.tokenCount <= start.tokenCount + model.questionIds(long, { template: "none" }).length);
});

Deno.test("no draft is asked for where it could change something, nor past the context", async () => {
  await using model = await openCheckpoint(NAME);
  const start = await evicted(model);
  const never: Draft = () => {
    throw new Error("asked");
  };
  const bound = { policy: policy("tova"), rows: 64, compressionInterval: 8 };
  for (const options of [{ temperature: 1 }, { attention: "record" }, { bound }] as const) {
    using cache = start.fork();
    assertEquals((await model.generate("Who?", { ...OPTIONS, ...options, cache, draft: never })).ids.length, 10);
  }
  using quantized = await model.prefill(TEXT, { template: "none", cacheDtype: parseCacheDtype("int8") });
  await model.generate("Who?", { ...OPTIONS, cache: quantized, draft: never });
  const limit = model.config.maxPositionEmbeddings;
  using brim = model.createCache();
  await model.read(brim, Array(limit - 6).fill(3));
  const { ids } = await model.generateFrom([5, 6], {
    ...OPTIONS,
    maxNewTokens: 5,
    cache: brim,
    draft: () => [1, 2, 3, 4, 5, 6],
  });
  assertEquals(ids.length, 5);
});

Deno.test("logits can be had of any number of the last tokens, whatever the chunks", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = model.tokenizer.encode(TEXT);
  const all = await model.read(model.createCache(), ids, { logitsOf: "all" });
  for (const count of [0, 1, 5, 30, ids.length]) {
    const some = await model.read(model.createCache(), ids, { logitsOf: count, chunkLength: 16 });
    assertEquals(some.length, count * model.config.vocabSize);
    const expected = all.subarray(all.length - some.length);
    assert(some.every((value, index) => Math.abs(value - expected[index]) < 1e-3));
  }
  for (const count of [-1, 0.5, ids.length + 1]) {
    await assertRejects(
      () => model.read(model.createCache(), ids, { logitsOf: count }),
      RangeError,
      `Cannot give logits of ${count} tokens as it must be a whole number from 0 to ${ids.length}`,
    );
  }
});

/** The positions of each head's rows. */
function heldRows(cache: KvCache): number[][] {
  return cache.layers().flatMap(({ heads }) => heads.map(({ positions }) => [...positions]));
}

function assertSame(cache: KvCache, other: KvCache): void {
  assertEquals(cache.tokenIds(), other.tokenIds());
  const expected = other.past();
  for (const [index, rows] of cache.past().entries()) {
    for (const part of ["keys", "values"] as const) {
      assertEquals(rows[part].length, expected[index][part].length);
      assert(rows[part].every((value, place) => Math.abs(value - expected[index][part][place]) < 1e-3));
    }
  }
}
