import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { KvCache } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { createSampler, likeliest } from "../../../lib/engine/generate/sampling.ts";
import { openCheckpoint } from "../../fixtures/golden.ts";

const NAME = "qwen2_tied_bf16_sharded";
const TEXT = "The river runs slowly past the old mill in spring. ";

Deno.test("a generation can be awaited or iterated, once, and gives the same text", async () => {
  await using model = await openCheckpoint(NAME);
  const { text, ids } = await model.generate(TEXT, { maxNewTokens: 12, ignoreEos: true });
  assertEquals(ids.length, 12);
  const generation = model.generate(TEXT, { maxNewTokens: 12, ignoreEos: true });
  let streamed = "";
  for await (const token of generation) streamed += token.text;
  assertEquals(streamed, text);
  await assertRejects(async () => await generation, TypeError, "Cannot iterate a generation twice");
});

Deno.test("it stops at the end token, or goes on where it is asked to", async () => {
  await using model = await openCheckpoint(NAME);
  const end = model.tokenizer.eosTokenIds;
  const { ids } = await model.generate(TEXT, { maxNewTokens: 400, temperature: 5, seed: 3 });
  assert(ids.slice(0, -1).every((id) => !end.includes(id)));
  assert(end.includes(ids.at(-1)!) || ids.length === 400);
});

Deno.test("prefill opens the user's turn and generate closes it: together they are the chat template", async () => {
  await using model = await openCheckpoint(NAME);
  const messages = [{ role: "user", content: TEXT + "What runs?" }] as const;
  const whole = model.tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
  const cache = await model.prefill(TEXT);
  const opened = cache.tokenCount;
  const question = model.questionIds("What runs?", { cache });
  const { ids } = await model.generate("What runs?", { cache, maxNewTokens: 1 });
  assertEquals(ids.length, 1);
  assertEquals(cache.tokenCount, opened + question.length);
  const raw = await model.prefill(TEXT, { template: "none" });
  assertEquals(raw.tokenCount, model.tokenizer.encode(TEXT).length);
  assert(whole.startsWith("<|im_start|>user\n" + TEXT));
  assertEquals(model.tokenizer.encode(whole).length >= cache.tokenCount - 3, true);
});

Deno.test("an abort ends prefill and generation between two steps, and the cache stays sound", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = model.tokenizer.encode(TEXT.repeat(20));
  const controller = new AbortController();
  const cache = model.createCache();
  await assertRejects(
    () =>
      model.read(cache, ids, {
        chunkLength: 16,
        signal: controller.signal,
        onProgress: (read) => read >= 48 && controller.abort(new Error("stop")),
      }),
    Error,
    "stop",
  );
  assertEquals([cache.tokenCount, cache.rowCount(0, 0)], [48, 48]);
  const rest = await model.read(cache, ids.slice(48));
  const whole = await model.read(model.createCache(), ids);
  assertEquals(likeliest(rest), likeliest(whole));
});

Deno.test("a text that is empty or longer than the context is refused; the way out is named", async () => {
  await using model = await openCheckpoint(NAME);
  await assertRejects(() => model.prefill(""), RangeError, "Cannot prefill an empty text");
  await assertRejects(async () => await model.generate("", { template: "none" }), RangeError, "empty text");
  await assertRejects(() => model.prefill(TEXT.repeat(200)), RangeError, "as the model's context is 1024");
  await assertRejects(
    async () => await model.generate(TEXT, { maxNewTokens: 0 }),
    RangeError,
    "Cannot generate 0 tokens",
  );
});

Deno.test("what is no text is refused in words, as a notebook's kernel checks no types", async () => {
  await using model = await openCheckpoint(NAME);
  const wrong: [unknown, string][] = [[undefined, "undefined"], [null, "null"], [7, "number"], [["a"], "a list"]];
  for (const [value, kind] of wrong) {
    const text = value as string;
    await assertRejects(() => model.prefill(text), TypeError, `Cannot prefill ${kind} as it must be a text`);
    await assertRejects(async () => await model.generate(text), TypeError, `Cannot ask ${kind} as it must be a text`);
    assertThrows(() => model.tokenizer.encode(text), TypeError, `Cannot encode ${kind} as it must be a text`);
  }
});

Deno.test("past the trained length, logical positions are refused and compact ones go on", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = model.tokenizer.encode(TEXT.repeat(200)).slice(0, 1000);
  const cache = model.createCache();
  await model.read(cache, ids, { logitsOf: "none" });
  cache.compress(policy("streaming_llm"), { rows: 64 });
  await assertRejects(() => model.read(cache, ids.slice(0, 100)), RangeError, `compress with positions "compact"`);
  cache.compress(policy("keep_all"), { compressionRatio: 0, positions: "compact" });
  const logits = await model.read(cache, ids.slice(0, 100));
  assert(logits.every(Number.isFinite));
  assertEquals([cache.tokenCount, cache.nextRotaryPosition], [1100, 164]);
});

Deno.test("samplers: greedy by default, seeded, within the nucleus", () => {
  const logits = Float32Array.of(0, 5, 4.9, -3);
  assertEquals(createSampler()(logits), 1);
  const draws = (seed: number) => {
    const sampler = createSampler({ temperature: 1, topP: 0.9, seed });
    return Array.from({ length: 200 }, () => sampler(logits));
  };
  assertEquals(draws(1), draws(1));
  assertEquals(new Set(draws(1)), new Set([1, 2]));
  const share = draws(2).filter((id) => id === 1).length / 200;
  assert(Math.abs(share - 1 / (1 + Math.exp(-0.1))) < 0.12, `drew the likelier ${share}`);
  assertThrows(() => createSampler({ temperature: 0 }), RangeError, "temperature 0");
  assertThrows(() => createSampler({ temperature: 1, topP: 0 }), RangeError, "topP 0");
});

Deno.test("a cache made by hand has the model's shape", async () => {
  await using model = await openCheckpoint(NAME);
  const cache = model.createCache([1]);
  assert(cache instanceof KvCache);
  assertEquals([cache.shape.layerCount, cache.shape.kvHeadCount, cache.liveBytes], [3, 2, 0]);
});
