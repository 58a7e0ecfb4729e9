import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { boundedPrefill } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { openCheckpoint } from "../../fixtures/golden.ts";

const TOKEN_BYTES = 3 * 2 * 16 * 2 * 4;
const TEXT = "Farmers bring apples and bread to the market on Saturday. The library keeps old maps in a drawer. ";

Deno.test("between chunks the ceiling holds; at the end all rows are there before they go", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const ids = model.tokenizer.encode(TEXT.repeat(40)).slice(0, 480);
  const options = { rows: 24, compressionInterval: 16, contextTokens: 128, judgeTokens: 32 };
  const rows = await boundedPrefill(model, ids, [policy("streaming_llm"), policy("snapkv")], options);
  assertEquals(rows.map(({ policy, evicted, n }) => [policy, evicted, n]), [
    ["keep_all", "never", 3],
    ["streaming_llm", "at the end", 3],
    ["streaming_llm", "between chunks", 3],
    ["snapkv", "at the end", 3],
    ["snapkv", "between chunks", 3],
  ]);
  assertEquals(rows.map(({ peak_live_bytes }) => peak_live_bytes / TOKEN_BYTES), [128, 128, 40, 128, 40]);
  // Sinks and the newest 20 are the same rows, whenever the others went; what they remember of these differs.
  const [, atEnd, between] = rows;
  assertEquals([atEnd.delta_nll, atEnd.delta_nll_low, atEnd.delta_nll_high], [0, 0, 0]);
  assertAlmostEquals(Math.log(between.perplexity / atEnd.perplexity), between.delta_nll, 1e-9);
  assert(
    between.delta_nll_low <= between.delta_nll && between.delta_nll <= between.delta_nll_high &&
      between.delta_nll !== 0,
  );
  await assertRejects(
    () => boundedPrefill(model, ids.slice(0, 100), [policy("tova")], options),
    RangeError,
    "contexts of 128 + 32 tokens as the text has 100",
  );
});
