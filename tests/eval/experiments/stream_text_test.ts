import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { logProbabilities } from "kvmirror";
import type { Bound } from "kvmirror/engine";
import { slidingWindowLosses, streamText } from "kvmirror/eval";
import { policy, streamingLlm } from "kvmirror/policies";
import { openCheckpoint } from "../../fixtures/golden.ts";

const NAME = "qwen2_untied_f32";
const TOKEN_BYTES = 3 * 2 * 16 * 2 * 4;
const TEXT = "Farmers bring apples and bread to the market on Saturday. The library keeps old maps in a drawer. ";

Deno.test("while everything fits, a stream's losses are those of one read; rows add up to them", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = model.tokenizer.encode(TEXT.repeat(5)).slice(0, 110);
  const bound: Bound = { policy: policy("streaming_llm"), rows: 100, compressionInterval: 10 };
  const { rows, losses } = await streamText(model, ids, { bound, chunkLength: 9, rowTokens: 40 });
  const logits = await model.read(model.createCache(), ids, { logitsOf: "all" });
  const vocab = model.config.vocabSize;
  assert(Number.isNaN(losses[0]));
  for (let token = 1; token < ids.length; token++) {
    const loss = -logProbabilities(logits.subarray((token - 1) * vocab, token * vocab))[ids[token]];
    assertAlmostEquals(losses[token], loss, 1e-3);
  }
  assertEquals(rows.map(({ tokens }) => tokens), [45, 90, 110]);
  const mean = (from: number, to: number) =>
    losses.subarray(from, to).reduce((sum, loss) => sum + loss, 0) / (to - from);
  assertAlmostEquals(rows[0].loss, mean(1, 45), 1e-6);
  assertAlmostEquals(rows[1].loss, mean(45, 90), 1e-6);
  assertEquals(rows.map(({ peak_live_bytes }) => peak_live_bytes), [45, 90, 110].map((count) => count * TOKEN_BYTES));
});

Deno.test("past the trained length a compact stream stays in its memory and its perplexity", async () => {
  await using model = await openCheckpoint(NAME);
  const limit = model.config.maxPositionEmbeddings;
  const text = model.tokenizer.encode(TEXT.repeat(10)).slice(0, 128);
  // The same sentences again and again: what is predicted early is predicted late.
  const ids = Array.from({ length: 3 * limit }, (_, index) => text[index % text.length]);
  for (const positions of ["compact", "logical"] as const) {
    const bound: Bound = { policy: policy("streaming_llm"), rows: 96, compressionInterval: 32, positions };
    const notices: string[] = [];
    const onNotice = (notice: string) => notices.push(notice);
    const { rows } = await streamText(model, ids, { bound, rowTokens: 256, onNotice });
    assertEquals(rows.length, 12);
    assertEquals(notices.length, positions === "compact" ? 0 : 1);
    for (const { peak_live_bytes, peak_allocated_bytes, resident_bytes, ms_per_token } of rows) {
      assertEquals([peak_live_bytes, peak_allocated_bytes], [128 * TOKEN_BYTES, 128 * TOKEN_BYTES]);
      assert(resident_bytes > 0 && ms_per_token > 0);
    }
    if (positions === "compact") assert(Math.abs(rows.at(-1)!.loss - rows[1].loss) < 0.05, "late tokens cost more");
  }
});

Deno.test("an aborted stream ends between two chunks; one token is no stream", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = model.tokenizer.encode(TEXT.repeat(5)).slice(0, 100);
  const bound: Bound = { policy: policy("streaming_llm"), rows: 20, compressionInterval: 10 };
  const controller = new AbortController();
  const seen: number[] = [];
  const onProgress = (read: number) => {
    seen.push(read);
    if (read >= 60) controller.abort(new Error("stop"));
  };
  await assertRejects(() => streamText(model, ids, { bound, signal: controller.signal, onProgress }), Error, "stop");
  assertEquals(seen, [32, 64]);
  await assertRejects(() => streamText(model, [1], { bound }), RangeError, "Cannot stream 1 tokens");
});

Deno.test("a window read afresh judges like a stream of newest rows while both see the whole text", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = model.tokenizer.encode(TEXT.repeat(5)).slice(0, 80);
  const bound: Bound = {
    policy: streamingLlm({ sinkTokens: 0 }),
    rows: 30,
    compressionInterval: 10,
    positions: "compact",
  };
  const { losses } = await streamText(model, ids, { bound, chunkLength: 1 });
  const [early, late, alone] = await slidingWindowLosses(model, ids, [25, 79, 1], 30);
  assertAlmostEquals(early, losses[25], 1e-3);
  assertAlmostEquals(alone, losses[1], 1e-3);
  // A window of 30 is the model's view of tokens 49 to 78 alone.
  const logits = await model.read(model.createCache(), ids.slice(49, 79));
  assertAlmostEquals(late, -logProbabilities(logits)[ids[79]], 1e-3);
  await assertRejects(
    () => slidingWindowLosses(model, ids, [0], 30),
    RangeError,
    "token at 0 as it must be in [1, 80)",
  );
  await assertRejects(() => slidingWindowLosses(model, ids, [80], 30), RangeError, "token at 80");
  await assertRejects(() => slidingWindowLosses(model, ids, [5], 0), RangeError, "windows of 0 tokens");
});
