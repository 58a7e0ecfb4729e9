import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { recommend, taskRows } from "kvmirror/eval";
import { definePolicy, policy } from "kvmirror/policies";
import { FLOAT32_CACHE } from "../../../lib/engine/rows/cache_dtype.ts";

/** Fails on every text. */
const BROKEN = definePolicy({
  name: "broken",
  signals: [],
  score: () => {
    throw new RangeError("Cannot score on Mondays");
  },
});

Deno.test("what is recommended was measured best, fits, and comes with the evidence", async () => {
  await using model = await loadModel("tiny");
  const rows = taskRows(model.tokenizer, "niah_single_2", { length: 512, samples: 3, seed: 3, maxNewTokens: 10 });
  const policies = ["random", "keydiff", "kvzip"].map((name) => policy(name));
  const found = await recommend(model, rows, {
    maxBytes: 300_000,
    context: 400,
    policies,
    cacheDtypes: [FLOAT32_CACHE],
  });
  assertEquals(found.evidence.map(({ positions }) => positions).toSorted(), [
    "compact",
    "logical",
    "logical",
    "logical",
    "logical",
  ]);
  assertEquals([found.evidence[0].policy, found.dtype, found.n], ["keep_all", "f32", 3]);
  const others = found.evidence.slice(1);
  assert(others.every(({ score, kl }) => score < found.score || score === found.score && kl >= found.kl));
  assert(found.policy !== "random" && !found.as_good.includes("random"), found.policy);
  assert(found.live_bytes < found.evidence[0].live_bytes * (1 - found.compression_ratio) * 1.01);
  assert(found.ms_per_token > 0 && found.full_ms_per_token > 0);
});

Deno.test("a policy that fails is not silently gone, and what is named stays within the bytes", async () => {
  await using model = await loadModel("tiny");
  const rows = taskRows(model.tokenizer, "niah_single_2", { length: 512, samples: 2, seed: 3, maxNewTokens: 6 });
  const maxBytes = 300_000;
  const found = await recommend(model, rows, {
    maxBytes,
    context: 512,
    policies: [BROKEN, policy("globalkv(keydiff)"), policy("adakv(keydiff)")],
    cacheDtypes: [FLOAT32_CACHE],
  });
  assertEquals(found.left_out.map(({ policy }) => policy), ["broken"]);
  assert(found.left_out[0].reason.includes("on Mondays"), found.left_out[0].reason);
  assert(found.evidence.slice(1).every(({ live_bytes }) => live_bytes <= maxBytes));
  assert(found.context_tokens > 300 && found.context_tokens <= 512);
});

Deno.test("rows in fewer bits are tried too: where all of them fit, no policy is wanted", async () => {
  await using model = await loadModel("tiny");
  const rows = taskRows(model.tokenizer, "niah_single_2", { length: 512, samples: 3, seed: 3, maxNewTokens: 10 });
  const found = await recommend(model, rows, {
    maxBytes: 620_000,
    context: 512,
    policies: [policy("random"), policy("streaming_llm")],
  });
  const names = found.evidence.map(({ policy }) => policy);
  assertEquals(names.toSorted(), ["keep_all", "keep_all in int8", "random", "streaming_llm"].toSorted());
  assertEquals([found.policy, found.dtype, found.compression_ratio], ["keep_all in int8", "int8", 0]);
  assert(found.live_bytes <= 620_000 && found.kl < 0.1, `${found.live_bytes} bytes, ${found.kl} nats`);
});

Deno.test("where all fits nothing is evicted; what cannot be chosen is refused", async () => {
  await using model = await loadModel("tiny");
  const rows = taskRows(model.tokenizer, "niah_single_2", { length: 512, samples: 1, seed: 3, maxNewTokens: 4 });
  const found = await recommend(model, rows, { maxBytes: 1e9, context: 512, policies: [policy("knorm")] });
  assertEquals([found.policy, found.compression_ratio, found.evidence.length], ["keep_all", 0, 1]);
  await assertRejects(() => recommend(model, rows, { maxBytes: 1e9, context: 512, policies: [] }), RangeError);
  await assertRejects(
    () =>
      recommend(model, rows, {
        maxBytes: 100_000,
        context: 512,
        policies: [BROKEN],
      }),
    RangeError,
    "as each failed",
  );
});

Deno.test("texts longer than the model's context are one line with the reason, though every row would fit", async () => {
  await using model = await loadModel("tiny");
  const beyond = model.config.maxPositionEmbeddings + 100;
  const rows = taskRows(model.tokenizer, "niah_single_2", { length: beyond, samples: 1, seed: 3 });
  await assertRejects(
    () => recommend(model, rows, { maxBytes: 1e9, context: beyond, policies: [policy("knorm")] }),
    RangeError,
    "Cannot recommend anything as no row was answered: Cannot read",
  );
});
