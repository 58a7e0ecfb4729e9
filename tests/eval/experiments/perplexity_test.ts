import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { logProbabilities } from "kvmirror";
import { perplexity } from "kvmirror/eval";
import { keepAll, policy } from "kvmirror/policies";
import { openCheckpoint } from "../../fixtures/golden.ts";

const TEXT =
  "Farmers bring apples and bread to the market on Saturday. The library keeps old maps in a wooden drawer. ";

Deno.test("the full cache's perplexity is the plain one of the same tokens, each judged once", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const ids = model.tokenizer.encode(TEXT.repeat(2)).slice(0, 60);
  const options = { contextTokens: 20, stride: 10 };
  const rows = await perplexity(model, ids, [{ policy: keepAll(), compressionRatio: 0.5 }, {
    policy: policy("streaming_llm"),
    compressionRatio: 0.5,
  }], options);
  let loss = 0;
  for (let start = 0; start + 30 <= 60; start += 10) {
    const cache = model.createCache();
    const logits = await model.read(cache, ids.slice(start, start + 30), { logitsOf: "all" });
    for (let token = 21; token < 30; token++) {
      const before = logits.subarray((token - 1) * model.config.vocabSize, token * model.config.vocabSize);
      loss -= logProbabilities(before)[ids[start + token]];
    }
  }
  const [full, all, streaming] = rows;
  assertEquals([full.policy, full.n, full.tokens], ["keep_all", 4, 36]);
  assertAlmostEquals(full.perplexity, Math.exp(loss / 36), 1e-3 * full.perplexity);
  assertAlmostEquals(all.perplexity, full.perplexity, 1e-6 * full.perplexity);
  assert(Math.abs(streaming.perplexity - full.perplexity) > 1e-3 * full.perplexity);
  assert(full.ci_low <= full.perplexity && full.perplexity <= full.ci_high);
  assertEquals([full.delta_nll, full.delta_nll_low, full.delta_nll_high], [0, 0, 0]);
  assertAlmostEquals(streaming.delta_nll, Math.log(streaming.perplexity / full.perplexity), 1e-6);
  assert(streaming.delta_nll_low <= streaming.delta_nll && streaming.delta_nll <= streaming.delta_nll_high);
});

Deno.test("a text that holds no window is refused", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  await assertRejects(
    () => perplexity(model, [1, 2, 3], []),
    RangeError,
    "windows of 768 + 256 tokens as the text has 3",
  );
});
