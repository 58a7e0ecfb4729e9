import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Chat, type KvCache, loadModel, type Model } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { openCheckpoint } from "../../fixtures/golden.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const NAME = "qwen2_untied_f32";
const FOLDER = new URL(`../../goldens/${NAME}/`, import.meta.url);

/** Ids of a golden's vocabulary. */
const text = (count: number, first = 5) => Array.from({ length: count }, (_, index) => first + (index * 7) % 50);

/** Everything that changes a cache, and what needs it unchanged for a while. */
function changes(model: Model, cache: KvCache): Record<string, () => unknown> {
  return {
    read: () => model.read(cache, [5]),
    generate: () => model.generateFrom([5], { cache, maxNewTokens: 1 }).then(),
    observe: () => cache.observe(policy("criticalkv(knorm)")),
    save: () => cache.save("/nowhere/cache"),
    compress: () => cache.compress(policy("knorm"), { rows: 4 }),
    keep: () => cache.keep(cache.layers().map(({ heads }) => heads.map(() => ({ rows: Uint32Array.of(0) })))),
    rewind: () => cache.rewind(1),
    quantize: () => cache.quantize({ keys: INT8, values: INT8, residualLength: 0 }),
    pin: () => cache.pin(0, 1),
    unpin: () => cache.unpin(0, 1),
    mark: () => cache.mark(),
    markDraft: () => cache.markDraft(1),
    lengthen: () => cache.lengthen(),
    reserve: () => cache.reserve(1),
    room: () => cache.room(1),
    append: () => cache.append([], new Float32Array(0), "first"),
    lock: () => cache.lock("is being tested"),
    dispose: () => cache[Symbol.dispose](),
  };
}
const INT8 = { dtype: "int8", granularity: "row" } as const;

async function assertAllRefused(
  model: Model,
  cache: KvCache,
  message: string,
  but: readonly string[] = [],
): Promise<void> {
  for (const [name, change] of Object.entries(changes(model, cache))) {
    if (but.includes(name)) continue;
    await assertRejects(async () => await change(), TypeError, message, name);
  }
}

Deno.test("a cache that is being read refuses every change, and the reading gives what it gives alone", async () => {
  await using model = await openCheckpoint(NAME);
  const alone = model.createCache(["all"]);
  const expected = await model.read(alone, text(60), { chunkLength: 7 });
  using cache = model.createCache(["all"]);
  using before = cache.fork();
  const seen: number[] = [];
  const reading = model.read(cache, text(60), {
    chunkLength: 7,
    onProgress: () => seen.push(cache.tokenCount, cache.rowCount(0, 0)),
  });
  const other = model.read(before, text(20, 9));
  await assertAllRefused(model, cache, "is being read into");
  assertEquals(await reading, expected);
  assertEquals(seen.slice(0, 4), [7, 7, 14, 14], "it can be looked at");
  assertEquals(await other, await model.read(model.createCache(), text(20, 9)), "forks stay free");
  cache.compress(policy("knorm"), { rows: 4 });
});

Deno.test("a cache is not forked while the decoder writes its rows", async () => {
  await using model = await openCheckpoint(NAME);
  using cache = model.createCache();
  cache.room(1);
  assertThrows(() => cache.fork(), TypeError, "in the middle of a run");
  cache.append([5], new Float32Array(0), "first");
  cache.fork()[Symbol.dispose]();
});

Deno.test("an answer has its cache to itself until it has ended, was left, or failed", async () => {
  await using model = await openCheckpoint(NAME);
  using cache = model.createCache();
  await model.read(cache, text(20));
  using plain = cache.fork();
  const options = { maxNewTokens: 6, ignoreEos: true };
  const { ids } = await model.generateFrom([5], { cache: plain, ...options });
  const streamed: number[] = [];
  for await (const { id } of model.generateFrom([5], { cache, ...options })) {
    await assertAllRefused(model, cache, "is being answered from");
    streamed.push(id);
    if (streamed.length === 3) cache.fork()[Symbol.dispose]();
  }
  assertEquals(streamed, ids);
  for await (const _ of model.generateFrom([5], { cache, ...options })) break;
  await assertRejects(
    async () => {
      for await (const _ of model.generateFrom([5], { cache, ...options })) throw new Error("the caller's own");
    },
    Error,
    "the caller's own",
  );
  const signal = AbortSignal.abort(new Error("stopped"));
  await assertRejects(async () => await model.generateFrom([5], { cache, signal, ...options }), Error, "stopped");
  await assertRejects(() => model.read(cache, [5], { signal }), Error, "stopped");
  cache.rewind(3);
  const both = await Promise.allSettled([1, 2].map(() => model.generateFrom([5], { cache, ...options })));
  assertEquals(both.map(({ status }) => status), ["fulfilled", "rejected"], "two at once: the second is refused");
  assertEquals(cache.tokenCount, 3 + 6);
});

Deno.test("a chat refuses a second question, a rewind and a save while it answers", async () => {
  await using model = await loadModel("tiny");
  const chat = await Chat.open(model, { policy: policy("snapkv"), system: "The special number for whale is 4711." });
  const question = "What is the special number for whale?";
  let answer = "";
  for await (const token of chat.ask(question)) {
    answer += token.text;
    await assertRejects(() => chat.ask(question).next(), TypeError, "is answering a question");
    assertThrows(() => chat.rewind(0), RangeError);
    await assertRejects(() => chat.save("/nowhere/chat"), TypeError, "is answering a question");
    assertThrows(() => chat.cache.rewind(0), TypeError, "is answering a question");
  }
  assertStringIncludes(answer, "4711");
  chat.rewind();
});

Deno.test("what was disposed of refuses further use, and a second time does nothing", async () => {
  const model = await openCheckpoint(NAME);
  const cache = model.createCache();
  await model.read(cache, text(20));
  const kept = cache.fork();
  cache[Symbol.dispose]();
  cache[Symbol.dispose]();
  await assertAllRefused(model, cache, "disposed of", ["dispose"]);
  for (const look of ["tokenCount", "liveBytes", "pins", "marks", "signals", "rewindRanges", "cacheDtype"] as const) {
    assertThrows(() => cache[look], TypeError, "disposed of", look);
  }
  assertThrows(() => cache.fork(), TypeError, "disposed of");
  assertEquals(kept.rowCount(0, 0), 20);

  const unread = model.createCache();
  const late = model.generateFrom(text(200), { cache: unread, maxNewTokens: 1 });
  const reading = late.then();
  await Promise.all([model[Symbol.asyncDispose](), model[Symbol.asyncDispose]()]);
  assertEquals((await reading).ids.length, 1, "a run that had begun has ended before");
  await model[Symbol.asyncDispose]();
  const refused = "model qwen2_untied_f32 as it was disposed of";
  assertThrows(() => model.createCache(), TypeError, "as it was disposed of", refused);
  await assertRejects(() => model.read(kept, [5]), TypeError, "as it was disposed of");
  await assertRejects(async () => await model.generateFrom([5], { cache: kept }), TypeError, "as it was disposed of");
  await assertRejects(() => model.prefill("a", { template: "none" }), TypeError, "as it was disposed of");
  await assertRejects(() => model.loadCache("/nowhere"), TypeError, "as it was disposed of");
  await assertRejects(() => kept.observe(policy("criticalkv(knorm)")), TypeError, "as it was disposed of");
  kept.compress(policy("knorm"), { rows: 4 });
});

Deno.test("rows of another model, or of other weights of the same shape, are refused live as from a file", async () => {
  await using model = await openCheckpoint(NAME);
  await using rounded = await openCheckpoint(NAME, "int8");
  await using tiny = await loadModel("tiny");
  const cache = rounded.createCache();
  await rounded.read(cache, text(5));
  await assertRejects(() => model.read(cache, [5]), TypeError, "was made with int8 weights and this model has f32");
  await assertRejects(
    async () => await model.generateFrom([5], { cache }),
    TypeError,
    "was made with int8 weights and this model has f32",
  );
  await assertRejects(() => tiny.read(cache, [5]), TypeError, "this is tiny");
  await assertRejects(() => Chat.open(tiny, { policy: policy("knorm"), cache }), TypeError, "this is tiny");
  assertEquals(cache.tokenCount, 5);
});

Deno.test("an id that the model has no embedding of is refused by its number, whatever it is", async () => {
  await using model = await openCheckpoint(NAME);
  const { vocabSize } = model.config;
  for (const [id, shown] of [[-5, "-5"], [vocabSize, `${vocabSize}`], [1.5, "1.5"], [NaN, "NaN"], ["x", '"x"']]) {
    using cache = model.createCache();
    const ids = [5, id as number];
    const message = `Cannot read token id ${shown}, the tokens' number 1, as it must be a whole number from 0 to ` +
      `${vocabSize - 1}`;
    await assertRejects(() => model.read(cache, ids), RangeError, message);
    await assertRejects(async () => await model.generateFrom(ids, { cache }), RangeError, message);
    assertEquals(cache.tokenCount, 0);
  }
});

/** A copy of the golden's folder, in which a tensor's first number is another. */
async function withNumber(folder: string, tensor: string, number: number): Promise<void> {
  for (const { name } of Deno.readDirSync(FOLDER)) Deno.copyFileSync(new URL(name, FOLDER), `${folder}/${name}`);
  const path = `${folder}/model.safetensors`;
  const bytes = await Deno.readFile(path);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  assertEquals(header[tensor].dtype, "F32");
  new DataView(bytes.buffer).setFloat32(8 + length + header[tensor].data_offsets[0], number, true);
  await Deno.writeFile(path, bytes);
}

Deno.test("weights of NaN or Infinity are refused at load, by the tensor's name, in every format", async () => {
  const wrong: [string, number, string][] = [
    ["model.norm.weight", NaN, "NaN"],
    ["model.layers.0.self_attn.q_proj.bias", NaN, "NaN"],
    ["model.layers.1.mlp.down_proj.weight", Infinity, "Infinity"],
    ["lm_head.weight", -Infinity, "-Infinity"],
  ];
  for (const [tensor, number, said] of wrong) {
    for (const weights of ["f32", "int8", "int4", "file"] as const) {
      await withFolder(async (path) => {
        const folder = path("");
        await withNumber(folder, tensor, number);
        await assertRejects(
          () => loadModel(folder, { weights }),
          RangeError,
          `Cannot build the model as its tensor ${tensor} holds ${said}: weights must be finite`,
        );
      });
    }
  }
});

Deno.test("weights that give logits which are no numbers are one line, not token 0 for ever", async () => {
  await withFolder(async (path) => {
    const folder = path("");
    await withNumber(folder, "model.norm.weight", 3e38);
    await using model = await loadModel(folder, { weights: "f32" });
    await assertRejects(
      async () => await model.generateFrom(text(12)),
      RangeError,
      "Cannot go on after 12 tokens as a logit is ",
    );
  });
});

Deno.test("a tokenizer with more ids than the embedding has is said at load, by the first such token", async () => {
  await withFolder(async (path) => {
    const folder = path("");
    for (const { name } of Deno.readDirSync(FOLDER)) Deno.copyFileSync(new URL(name, FOLDER), `${folder}/${name}`);
    const tokenizer = JSON.parse(await Deno.readTextFile(`${folder}/tokenizer.json`));
    const { vocab_size } = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    tokenizer.added_tokens.push({
      id: vocab_size,
      content: "<late>",
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    });
    await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(tokenizer));
    const notices: string[] = [];
    await using model = await loadModel(folder, { weights: "f32", onNotice: (notice) => notices.push(notice) });
    assertEquals(notices.length, 1);
    assertStringIncludes(notices[0], `an embedding of ${vocab_size}`);
    assertStringIncludes(notices[0], `such as "<late>"`);
    await assertRejects(() => model.prefill("<late>", { template: "none" }), RangeError, `token id ${vocab_size}`);
  });
});

Deno.test("an answer that fills the context ends there, and what it has is given", async () => {
  await using model = await openCheckpoint(NAME);
  const { maxPositionEmbeddings } = model.config;
  const ids = text(maxPositionEmbeddings - 10);
  for (const draft of [undefined, () => [30, 31, 32]]) {
    using cache = model.createCache();
    const notices: string[] = [];
    const onNotice = (notice: string) => notices.push(notice);
    const options = { cache, maxNewTokens: 40, ignoreEos: true, onNotice, draft };
    const { ids: answer, finishReason } = await model.generateFrom(ids, options);
    // The last token is generated where the context ends, and not read.
    assertEquals([answer.length, finishReason, cache.tokenCount], [11, "context", maxPositionEmbeddings]);
    assertEquals(notices.length, 1);
    assert(notices[0].startsWith("the answer ends after 11 of 40 tokens"), notices[0]);
    await assertRejects(
      async () => await model.generateFrom([5], { cache }),
      RangeError,
      `context is ${maxPositionEmbeddings}`,
    );
  }
  const short = model.generateFrom(ids.slice(0, 9), { maxNewTokens: 3, ignoreEos: true });
  assertEquals(short.finishReason, undefined);
  assertEquals([(await short).finishReason, short.finishReason], ["length", "length"]);
});

Deno.test("what is no cache is refused in a line", async () => {
  await using model = await loadModel("tiny");
  const ids = [1, 2, 3];
  for (
    const [call, said] of [
      [() => model.read(ids as never, { cache: 1 } as never), "Cannot read into a list as it is no cache"],
      [() => model.generate("a", { cache: 5 as never }), "Cannot answer from a number as it is no cache"],
    ] as const
  ) await assertRejects(async () => await call(), TypeError, said);
});
